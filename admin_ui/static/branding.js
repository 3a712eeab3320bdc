// The preview follows what is typed: colour, name and a chosen logo. Nothing is sent anywhere before Save.
"use strict";

const form = document.querySelector("[data-branding]");
const colour = form.querySelector('[name="brand_colour"]');
const picker = form.querySelector("[data-colour-picker]");
const name_ = form.querySelector('[name="name"]');
const logo = form.querySelector('[name="logo"]');
const all = (selector) => document.querySelectorAll(selector);
let newest = 0;

/** Ask what becomes of the colour, then bring its sheet in; the one before goes when the new one holds. */
async function showColour() {
  const number = ++newest;
  const answer = await fetch(`${form.dataset.branding}?colour=${encodeURIComponent(colour.value)}`, { credentials: "same-origin" });
  if (!answer.ok) return;
  const found = await answer.json();
  if (number !== newest || !found.readable) return;
  picker.value = colour.value.toLowerCase();
  const before = document.querySelector("[data-preview-sheet]");
  const sheet = document.createElement("link");
  Object.assign(sheet, { rel: "stylesheet", href: found.sheet });
  sheet.dataset.previewSheet = "";
  sheet.addEventListener("load", () => before?.remove());
  before.after(sheet);
  for (const place of all("[data-preview-words]")) place.textContent = found[place.dataset.previewWords];
}

/** The picture that was chosen, read by this browser alone. */
function showLogo() {
  const file = logo.files[0];
  if (!file) return;
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    for (const picture of all("[data-preview-logo]")) {
      picture.removeAttribute("width");
      picture.removeAttribute("height");
      picture.className = "preview-logo";
      picture.src = reader.result;
      picture.hidden = false;
    }
    for (const mark of all("[data-preview-mark]")) mark.hidden = true;
  });
  reader.readAsDataURL(file);
}

let timer = 0;
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(showColour, 150);
};
if (!colour.disabled) {
  picker.hidden = false;
  picker.addEventListener("input", () => {
    colour.value = picker.value;
    soon();
  });
  colour.addEventListener("input", soon);
  name_.addEventListener("input", () => {
    for (const place of all("[data-preview-name]")) place.textContent = name_.value;
  });
  logo.addEventListener("change", showLogo);
}
