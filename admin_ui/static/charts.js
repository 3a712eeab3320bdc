// Arrow keys go from bar to bar of a chart; Tab stops at a chart once. Without scripts the last bar and the table are reached.
"use strict";

for (const chart of document.querySelectorAll("[data-chart]")) {
  const bars = [...chart.children];
  const choose = (bar) => {
    for (const other of bars) other.tabIndex = other === bar ? 0 : -1;
    bar.focus();
  };
  chart.addEventListener("keydown", (event) => {
    const at = bars.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (at < 0 || to === undefined || !bars[to]) return;
    event.preventDefault();
    choose(bars[to]);
  });
}
