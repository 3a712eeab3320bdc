// What makes the console quicker with scripts. Every page works without: nothing here decides anything.
"use strict";

const root = document.documentElement;
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** A request to this console, with the token of its forms. */
function ask(address, options = {}) {
  const headers = { "X-CSRFToken": token, Accept: "application/json", ...options.headers };
  return fetch(address, { ...options, headers, credentials: "same-origin" });
}

/** Show a form's faults beside its fields, and take away those that are mended. */
function showFaults(form, errors) {
  for (const place of form.querySelectorAll("[data-fault-of]")) {
    const sentences = errors[place.dataset.faultOf] ?? [];
    const field = place.closest(".field");
    place.textContent = sentences.join(" ");
    field?.classList.toggle("bad", sentences.length > 0);
    for (const control of field?.querySelectorAll("input, select, textarea") ?? []) {
      if (sentences.length) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
}

/** data-validate="address": ask what the server would say about the form, while it is being filled in. */
function watchForm(form) {
  let timer = 0;
  let newest = 0;
  const touched = new Set();
  const check = async () => {
    const number = ++newest;
    const answer = await ask(form.dataset.validate, { method: "POST", body: new FormData(form) });
    if (number !== newest || !answer.ok) return;
    const found = await answer.json();
    const errors = Object.fromEntries(Object.entries(found.errors ?? {}).filter(([name]) => touched.has(name)));
    showFaults(form, errors);
    form.dispatchEvent(new CustomEvent("validated", { bubbles: true, detail: found }));
  };
  form.addEventListener("input", (event) => {
    if (event.target.name) touched.add(event.target.name);
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  });
}

/** data-confirm="sentence": ask before a form is sent. */
function confirmFirst(form, sentence, submitter) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("[data-confirm-text]").textContent = sentence;
  dialog.querySelector("[data-confirm-ok]").textContent = submitter?.textContent.trim() || "Go on";
  dialog.returnValue = "";
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue !== "ok") return;
      form.dataset.confirmed = "yes";
      form.requestSubmit(submitter ?? undefined);
    },
    { once: true },
  );
  dialog.showModal();
}

/** data-drawer="address": open a page's form beside the page; without scripts the same link opens the page itself. */
async function openDrawer(address) {
  const drawer = document.getElementById("drawer");
  const answer = await fetch(address, { headers: { Accept: "text/html", "X-Fragment": "drawer" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected) {
    location.assign(address);
    return;
  }
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  drawer.replaceChildren(...parsed.body.childNodes);
  wire(drawer);
  drawer.showModal();
}

/** Give a part of the page what scripts add to it. */
function wire(part) {
  for (const button of part.querySelectorAll("[data-copy], [data-theme-switch], [data-menu], [data-pick-all]")) button.hidden = false;
  for (const form of part.querySelectorAll("form[data-validate]")) watchForm(form);
  for (const list of part.querySelectorAll("[data-submit-on-change]")) list.addEventListener("change", () => list.form.requestSubmit());
}

document.addEventListener("click", async (event) => {
  const at = (selector) => event.target.closest(selector);
  const copy = at("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    const title = copy.title;
    copy.title = "Copied";
    copy.classList.add("done");
    setTimeout(() => { copy.title = title; copy.classList.remove("done"); }, 1500);
    return;
  }
  if (at("[data-theme-switch]")) {
    const dark = root.dataset.theme === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : root.dataset.theme === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `vestibule_theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax`;
    return;
  }
  const menu = at("[data-menu]");
  if (menu) {
    const open = root.classList.toggle("menu-open");
    menu.setAttribute("aria-expanded", String(open));
    if (open) {
      document.querySelector("#side a")?.focus();
      showCurrent();
    }
    return;
  }
  if (root.classList.contains("menu-open") && !at("#side")) root.classList.remove("menu-open");
  const drawer = at("[data-drawer]");
  if (drawer && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    await openDrawer(drawer.dataset.drawer || drawer.href);
    return;
  }
  if (at("[data-close]")) at("dialog")?.close();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const sentence = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (sentence && form.dataset.confirmed !== "yes") {
    event.preventDefault();
    confirmFirst(form, sentence, event.submitter);
    return;
  }
  delete form.dataset.confirmed;
  if (form.method !== "get" && form.method !== "dialog") {
    // A second click sends nothing; the button comes back where the answer is a download or the page is restored.
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; }, 0);
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = false; }, 4000);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) {
    for (const box of event.target.closest("table").querySelectorAll('tbody input[name="id"]')) box.checked = event.target.checked;
  }
  const bulk = event.target.closest("[data-bulk]");
  if (bulk) {
    const picked = bulk.querySelectorAll('tbody input[name="id"]:checked').length;
    bulk.querySelector("[data-picked]").textContent = picked === 1 ? "With 1 picked row:" : `With ${picked} picked rows:`;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") root.classList.remove("menu-open");
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.querySelector('input[type="search"]');
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

/** The menu scrolls by itself: bring the page that is open into sight. */
function showCurrent() {
  document.querySelector("#side [aria-current]")?.scrollIntoView({ block: "nearest" });
}

root.classList.add("scripted");
wire(document);
showCurrent();
document.querySelector("[data-faults]")?.focus();
