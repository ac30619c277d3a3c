// "/" and Ctrl-K reach the box that finds people, from everywhere in the console. Where it is folded away, its page opens.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
  const k = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
  if (!slash && !k) return;
  event.preventDefault();
  const box = document.getElementById("find-q") || document.getElementById("find-anything");
  if (box && box.offsetParent) {
    box.focus();
    box.select();
  } else {
    location.assign("/admin/find/");
  }
});
