// Says once in this tab that a person has the page of their code before them. Programs that only look do not move.
(() => {
  "use strict";
  const to = document.currentScript.dataset.to;
  const signs = ["pointerdown", "pointermove", "keydown", "touchstart"];
  try { if (sessionStorage.getItem(to)) return; } catch { return; }
  const tell = () => {
    for (const sign of signs) removeEventListener(sign, tell);
    try { sessionStorage.setItem(to, "1"); } catch { /* it may be counted twice */ }
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (token) fetch(to, { method: "POST", keepalive: true, headers: { "X-CSRFToken": token.value } }).catch(() => {});
  };
  for (const sign of signs) addEventListener(sign, tell, { passive: true });
})();
