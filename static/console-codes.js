// Small comforts of the pages of codes. Every page works without this file.
(() => {
  "use strict";
  const campaign = document.querySelector("input[name=campaign]");
  const heads = document.querySelectorAll("b[data-campaign]");
  const show = () => { for (const head of heads) head.textContent = (campaign.value.trim() || "campaign").toUpperCase(); };
  if (campaign && heads.length) { campaign.addEventListener("input", show); show(); }

  if (navigator.clipboard) {
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = button.dataset.done;
      });
    }
  }

  // Taken once: the page then says so, and the buttons do not ask again.
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      const file = event.submitter && event.submitter.value !== "screen";
      setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
      if (file) setTimeout(() => location.reload(), 3000);
    });
  }

  for (const button of document.querySelectorAll("button[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
})();
