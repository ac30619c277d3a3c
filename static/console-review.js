// The keys of the review queue, and decisions without loading the page anew. Every form works without this file.
(() => {
  "use strict";
  const form = document.getElementById("review");
  const words = JSON.parse(document.getElementById("review-words").textContent);
  const why = document.getElementById("why"), keys = document.getElementById("keys"), toast = document.getElementById("said");
  const people = () => [...document.querySelectorAll(".person")];
  const open = () => people().filter((one) => !one.classList.contains("done"));
  let here = null, undoLast = null;
  document.body.classList.add("scripted");

  const opener = document.getElementById("show-keys");
  opener.hidden = false;
  opener.addEventListener("click", () => keys.showModal());

  const say = (text) => {
    toast.textContent = text;
    toast.hidden = !text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { toast.hidden = true; }, 6000);
  };

  const go = (person) => {
    if (here) here.classList.remove("here");
    here = person || null;
    if (!here) return;
    here.classList.add("here");
    here.focus({ preventScroll: true });
    here.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const list = open();
    if (!list.length) return;
    const at = list.indexOf(here);
    go(list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + by))]);
  };
  const following = (person) => {
    const all = people();
    return all.slice(all.indexOf(person) + 1).concat(all).find((one) => !one.classList.contains("done"));
  };

  // Which are chosen.
  const boxes = () => [...form.querySelectorAll("input[name=chosen]")].filter((box) => !box.closest(".done"));
  const across = form && form.querySelector("input[name=across]");
  const count = () => {
    const bulk = form.querySelector(".bulk");
    if (!bulk) return;
    const n = boxes().filter((box) => box.checked).length;
    document.getElementById("chosen-count").textContent = n ? `✓ ${n}` : "";
    bulk.classList.toggle("idle", !n && !(across && across.checked));
  };

  // Why: a ready reason by its number, or words of one's own. The last one of each act stands there already.
  const lastOf = (act) => { try { return localStorage.getItem(`review-${act}`) || ""; } catch { return ""; } };
  const keep = (act, text) => { try { localStorage.setItem(`review-${act}`, text); } catch { /* a private window */ } };
  const ask = (act, whom) => new Promise((done) => {
    const { label, reasons } = words.acts[act];
    why.querySelector("h2").textContent = `${label}: ${whom}`;
    const box = why.querySelector("input");
    box.value = lastOf(act) || reasons[0];
    const answer = (text) => { text = text.trim(); why.onclose = null; why.close(); if (text) keep(act, text); done(text); };
    why.querySelector("ol").replaceChildren(...reasons.map((reason, n) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: `${n + 1}  ${reason}` });
      button.addEventListener("click", () => answer(reason));
      const line = document.createElement("li");
      line.append(button);
      return line;
    }));
    let typed = false;
    box.oninput = () => { typed = true; };
    why.onkeydown = (event) => {
      const n = Number(event.key);
      if (n >= 1 && n <= reasons.length && !typed && !event.ctrlKey && !event.metaKey) { event.preventDefault(); answer(reasons[n - 1]); }
    };
    why.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      answer(event.submitter && !event.submitter.value ? "" : box.value);
    };
    why.onclose = () => done("");
    why.showModal();
    box.select();
  });

  const send = async (fields) => {
    const body = new FormData(form);
    for (const name of ["act", "reason", "chosen", "across"]) body.delete(name);
    for (const [name, value] of fields) body.append(name, value);
    try {
      const reply = await fetch(form.dataset.address, { method: "POST", body, headers: { Accept: "application/json" } });
      if (reply.ok) return await reply.json();
    } catch { /* said below */ }
    say(words.failed);
    return null;
  };

  const strip = (person, text, className) => {
    const line = person.querySelector(":scope > .strip");
    line.className = `strip ${className}`;
    line.textContent = text;
    line.hidden = false;
    person.classList.toggle("done", true);
    return line;
  };
  const button = (text, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    made.addEventListener("click", act);
    return made;
  };

  const settle = (answer, act, reason, ids) => {
    if (answer.job) { location.assign(answer.job); return; }
    const moved = Object.entries(answer.moved);
    const back = answer.undo && (() => undo(moved, answer.undo));
    for (const [id, event] of moved) {
      const person = document.getElementById(`entry-${id}`);
      if (!person) continue;
      person.querySelector(`[name="seen-${id}"]`).value = event;
      const line = strip(person, `${person.dataset.contact}: ${words.acts[act].done}. ${reason}`, "");
      if (back) line.append(button(`${words.undo} (u)`, () => undo([[id, event]], answer.undo)));
    }
    for (const [id, news] of Object.entries(answer.news)) {
      const person = document.getElementById(`entry-${id}`);
      if (person) strip(person, `${person.dataset.contact}: ${news}`, "news").append(button(words.again, () => location.reload()));
    }
    undoLast = back;
    for (const id of ids) {
      const box = form.querySelector(`[name=chosen][value="${id}"]`);
      if (box) box.checked = false;
    }
    if (!moved.length || ids.length > 1 || Object.keys(answer.news).length) say(answer.said);
    count();
  };

  const undo = async (moved, opposite) => {
    undoLast = null;
    const fields = [["act", opposite.act], ["reason", opposite.reason]];
    const body = moved.map(([id]) => ["chosen", id]);
    const answer = await send([...fields, ...body]);
    if (!answer) return;
    for (const [id, event] of Object.entries(answer.moved)) {
      const person = document.getElementById(`entry-${id}`);
      if (!person) continue;
      person.querySelector(`[name="seen-${id}"]`).value = event;
      person.classList.remove("done");
      person.querySelector(":scope > .strip").hidden = true;
      go(person);
    }
    say(answer.said);
  };

  const decide = async (act, ids, all) => {
    const reason = await ask(act, all ? all : ids.length === 1 ? document.getElementById(`entry-${ids[0]}`).dataset.contact : `✓ ${ids.length}`);
    if (!reason) { go(here); return; }
    const next = ids.length === 1 ? document.getElementById(`entry-${ids[0]}`) : here;
    const fields = [["act", act], ["reason", reason], ...ids.map((id) => ["chosen", id])];
    const answer = await send(all ? [...fields, ["across", "1"]] : fields);
    if (!answer) return;
    settle(answer, act, reason, ids);
    if (all && !answer.job) { location.reload(); return; }
    go((next ? following(next) : open()[0]) || next);
    if (!open().length) say(`${answer.said} ${words.all}`);
  };
  const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);
  const offered = (act) => form.querySelector(`.bulk button[value="${act}"]`);
  const offers = (person, act) => person.querySelector(`button[value="${act}:${person.dataset.id}"]`);

  const comment = async (id) => {
    const person = document.getElementById(`entry-${id}`), text = person.querySelector("textarea");
    const answer = await send([["act", `comment:${id}`]]);
    if (!answer) return;
    say(answer.said);
    if (!answer.comment) return;
    const line = document.createElement("li");
    line.textContent = `${answer.comment} `;
    line.append(Object.assign(document.createElement("span"), { className: "help", textContent: answer.who }));
    person.querySelector(".comments").append(line);
    text.value = "";
    person.querySelector(".comment").open = false;
    go(person);
  };

  if (form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [act, id] = (event.submitter && event.submitter.value || "").split(":");
      if (act === "comment") comment(id);
      else if (id) decide(act, [id]);
      else if (across && across.checked) decide(act, [], across.parentElement.textContent.trim());
      else if (act && chosen().length) decide(act, chosen());
    });
    form.addEventListener("change", (event) => {
      if (event.target.id === "all-here") for (const box of boxes()) box.checked = event.target.checked;
      count();
    });
    form.addEventListener("focusin", (event) => {
      const person = event.target.closest(".person");
      if (person && person !== here) { if (here) here.classList.remove("here"); here = person; person.classList.add("here"); }
    });
    count();
    go(open()[0]);
  }

  const acts = Object.fromEntries(Object.entries(words.acts).map(([name, act]) => [act.key, name]));
  const on = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    x: () => { const box = here && here.querySelector("[name=chosen]"); if (box) { box.checked = !box.checked; count(); step(1); } },
    "*": () => { const all = boxes().every((box) => box.checked); for (const box of boxes()) box.checked = !all; count(); },
    "+": () => { if (across) { across.checked = !across.checked; count(); } },
    u: () => undoLast && undoLast(),
    c: () => { const place = here && here.querySelector(".comment"); if (place) { place.open = true; place.querySelector("textarea").focus(); } },
    d: () => { const link = here && here.querySelector(".bar"); if (link) link.click(); },
    n: () => { const link = document.getElementById("following"); if (link) link.click(); else location.reload(); },
    "/": () => { const narrow = document.querySelector(".filters"); narrow.open = true; narrow.querySelector("input:not([type=hidden]), select").focus(); },
    "?": () => keys.showModal(),
    Enter: () => { const link = here && here.querySelector("a.open"); if (link) link.click(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && event.target.closest("textarea, input")) { event.target.blur(); go(here); return; }
    if (event.target.closest("textarea, select, input:not([type=checkbox])")) {
      if (event.key === "Enter" && event.ctrlKey) event.target.form.requestSubmit();
      return;
    }
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const act = acts[event.key];
    if (act && form) {
      event.preventDefault();
      const many = chosen();
      if (across && across.checked) { if (offered(act)) decide(act, [], across.parentElement.textContent.trim()); }
      else if (many.length) decide(act, many);
      else if (here && !here.classList.contains("done") && offers(here, act)) decide(act, [here.dataset.id]);
      return;
    }
    if (on[event.key]) { event.preventDefault(); on[event.key](); }
  });
})();
