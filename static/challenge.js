// The proof of work of a form: finds the number that the challenge asks for and sends it along. Nothing leaves this page.
(() => {
  "use strict";
  const AT_ONCE = 4;
  const NUMBERS = 2 ** 32;

  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // One try: a key from the nonce with the number behind it, as altcha's second version derives it.
  const derive = async ({ nonce, salt, cost, keyLength }, counter) => {
    const password = new Uint8Array(nonce.length / 2 + 4);
    password.set(bytes(nonce));
    new DataView(password.buffer).setUint32(nonce.length / 2, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
    return hex(await crypto.subtle.deriveBits(how, key, keyLength * 8));
  };

  const solve = async (challenge) => {
    const asked = challenge.parameters;
    for (let first = 0; first < NUMBERS; first += AT_ONCE) {
      const counters = Array.from({ length: AT_ONCE }, (_, step) => first + step);
      const keys = await Promise.all(counters.map((counter) => derive(asked, counter)));
      const found = keys.findIndex((key) => key.startsWith(asked.keyPrefix));
      if (found >= 0) return { counter: counters[found], derivedKey: keys[found] };
    }
    throw new Error("no number solves it");
  };

  for (const box of document.querySelectorAll("[data-challenge]")) {
    const form = box.closest("form");
    const said = box.querySelector("[role=status]");
    const challenge = JSON.parse(box.dataset.challenge);
    let pressed = null;
    let done = false;

    // Sent too early: it goes by itself once the work is done. No other listener hears of it until then.
    form.addEventListener("submit", (event) => {
      if (done) return;
      event.preventDefault();
      event.stopPropagation();
      pressed = event.submitter || form.querySelector("button");
      said.textContent = box.dataset.working;
    });

    const finish = (solution) => {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = box.dataset.field;
      field.value = btoa(JSON.stringify({ challenge, solution }));
      form.append(field);
      done = true;
      said.textContent = box.dataset.done;
      if (pressed) form.requestSubmit(pressed);
    };
    const fail = () => { done = true; said.textContent = box.dataset.failed; };

    said.textContent = box.dataset.working;
    if (globalThis.crypto && crypto.subtle) solve(challenge).then(finish, fail);
    else fail();
  }
})();
