// Follows an import while a worker compares or applies it. Without scripts the page loads itself anew.
"use strict";

const place = document.querySelector("[data-import-state]");
const INTERVAL_MS = 1000;

async function follow() {
  const answer = await fetch(place.dataset.importState, { credentials: "same-origin", headers: { Accept: "application/json" } });
  const found = answer.ok ? await answer.json() : null;
  if (found === null || found.state !== place.dataset.state) {
    location.reload();
    return;
  }
  if (found.state === "waiting") {
    const bar = place.querySelector("progress");
    bar.max = found.total || 1;
    bar.value = found.done;
    place.querySelector("[data-import-words]").textContent = `${found.done.toLocaleString("en")} of ${found.total.toLocaleString("en")}`;
  }
  setTimeout(follow, INTERVAL_MS);
}

if (place) setTimeout(follow, INTERVAL_MS);
