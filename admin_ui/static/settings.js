// SAML settings: what the server says about the form shows beside its fields while it is filled in. Nothing is decided here.
"use strict";

document.addEventListener("validated", (event) => {
  const form = event.target;
  const found = event.detail;
  const faults = Object.values(found.errors ?? {}).flat().length;
  const state = form.querySelector("[data-form-state]");
  if (state) state.textContent = faults ? "Check the marked fields" : "";
  if (faults) return;
  const warnings = {};
  for (const warning of found.warnings ?? []) warnings[warning.field] = `${warnings[warning.field] ?? ""} ${warning.sentence}`.trim();
  for (const place of form.querySelectorAll("[data-warning-of]")) place.textContent = warnings[place.dataset.warningOf] ?? "";
  const shown = document.createElement("pre");
  shown.dataset.preview = "";
  shown.tabIndex = 0;
  shown.textContent = found.preview;
  const place = form.querySelector("[data-preview-place]");
  if (place && found.preview) place.replaceChildren(shown);
});

// The way to the identity provider was asked for a moment ago: go there.
const way = document.querySelector("a[data-go]");
if (way) location.assign(way.href);
