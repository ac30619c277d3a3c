// Small comforts. Every page works without this file.
(() => {
  "use strict";

  const wrong = document.querySelector("[aria-invalid='true']");
  if (wrong) wrong.focus();

  const say = (button, words) => {
    const before = button.textContent;
    button.textContent = words;
    const region = document.getElementById("said");
    if (region) region.textContent = words;
    setTimeout(() => { button.textContent = before; if (region) region.textContent = ""; }, 2500);
  };

  if (navigator.clipboard) {
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(button.dataset.copy);
          say(button, button.dataset.done);
        } catch {
          const box = button.parentElement.querySelector("input[readonly]");
          if (box) box.select();
        }
      });
    }
  }

  if (navigator.share) {
    for (const button of document.querySelectorAll("button[data-share]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        navigator.share({ url: button.dataset.share, text: button.dataset.words }).catch(() => {});
      });
    }
  }

  for (const box of document.querySelectorAll("input[readonly]")) {
    box.addEventListener("focus", () => box.select());
  }

  // One press, one request. The button comes back when the page is shown again from the history.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });
})();
