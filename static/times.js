// Each moment on a page in the reader's own zone; what the page said stands in its title. Pages work without this file.
(() => {
  "use strict";
  const shapes = {
    day: { day: "numeric", month: "long", year: "numeric" },
    minute: { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
  };
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-said])")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      time.title = time.dataset.said = time.textContent.trim();
      time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, shapes[time.dataset.shape || "minute"]).format(at);
    }
  };
  addEventListener("DOMContentLoaded", () => localise(document));
  addEventListener("htmx:load", (event) => localise(event.target.parentNode || document));  // what a page brings later
})();
