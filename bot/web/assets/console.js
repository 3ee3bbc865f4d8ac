// What the console does beyond plain forms and htmx. Nothing here is needed for any action.
(() => {
  "use strict";
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  // A form that was answered is a new form: its next sending is another one. One without an answer stays the same, so that
  // sending it again has one effect.
  document.addEventListener("htmx:after:request", (e) => {
    const form = e.target.closest && e.target.closest("form");
    if (!form || !form.elements.once) return;
    form.elements.once.value = random();
    if ("clear" in form.dataset) form.querySelectorAll("input:not([type=hidden])").forEach((i) => { i.value = ""; });
  });

  // An answer is shown where it can be read, and can be put away.
  const answer = document.getElementById("answer");
  let brief = 0;
  const dress = () => {
    const close = answer.querySelector("[data-close]");
    if (close) close.hidden = false;
    // A sentence that only says what the page shows anyway goes by itself.
    clearTimeout(brief);
    if (answer.querySelector("[data-brief]")) brief = setTimeout(() => answer.replaceChildren(), 10000);
  };
  new MutationObserver(dress).observe(answer, { childList: true });
  dress();
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-close]")) answer.replaceChildren();
  });

  // A filter counts as soon as it is chosen.
  document.addEventListener("change", (e) => {
    const form = e.target.closest("form.filters");
    if (form && e.target.name !== "q") form.requestSubmit();
  });

  // The session is over: say so instead of showing what is old.
  const live = document.getElementById("live");
  if (live) live.addEventListener("over", () => { document.getElementById("over").hidden = false; });

  // An output that is read at its end stays at its end.
  const ends = new WeakMap();
  document.addEventListener("scroll", (e) => {
    const box = e.target;
    if (box.dataset && "follow" in box.dataset) ends.set(box, box.scrollTop + box.clientHeight >= box.scrollHeight - 8);
  }, true);
  const follow = () => document.querySelectorAll("[data-follow]").forEach((box) => {
    if (ends.get(box) !== false) box.scrollTop = box.scrollHeight;
  });
  if (live) new MutationObserver(follow).observe(live, { childList: true, subtree: true, characterData: true });
  follow();

  // j and k walk through a list, / goes to the words.
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select")) return;
    if (e.key === "/") {
      const words = document.getElementById("words");
      if (words) { e.preventDefault(); words.focus(); }
      return;
    }
    if (e.key === "Escape") answer.replaceChildren();
    if (e.key !== "j" && e.key !== "k") return;
    const rows = Array.from(document.querySelectorAll(".row a"));
    const at = rows.indexOf(document.activeElement);
    const next = rows[e.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)];
    if (next) next.focus();
  });
})();
