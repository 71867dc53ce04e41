// Bars over time as SVG, with the same figures in a table for whoever can't see or wants to copy them.

import { draw, make, text } from "./kit.js";

const HEIGHT = 180;
const LETTER = 7;
const FOOT = 22;
const STEPS = [1, 2, 2.5, 5, 10];

// `points` are {label, value} in order; `shown` writes a value; `title` says what is drawn.
export function barChart(title, points, shown, columns) {
  const width = Math.max(280, Math.min(innerWidth - 76, 820));
  const top = niceTop(Math.max(0, ...points.map((point) => point.value)));
  const left = 14 + LETTER * Math.max(...[0, top / 2, top].map((value) => shown(value).length));
  const tall = HEIGHT - FOOT - 10;
  const step = (width - left) / Math.max(1, points.length);
  const wide = Math.min(34, step * 0.68);
  const lines = [0, 0.5, 1].map((part) => {
    const y = 10 + tall * (1 - part);
    return [
      draw("line", { class: "grid", x1: left, x2: width, y1: y, y2: y }),
      draw("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, shown(top * part)),
    ];
  });
  const every = Math.ceil(points.length / Math.max(2, Math.floor((width - left) / 90)));
  const bars = points.map((point, at) => {
    const height = point.value > 0 ? Math.max(2, (point.value / top) * tall) : 0;
    const middle = left + step * (at + 0.5);
    const bar = draw(
      "rect",
      { class: "bar-mark", x: middle - wide / 2, y: 10 + tall - height, width: wide, height, rx: Math.min(3, height / 2) },
      draw("title", {}, `${point.label}: ${shown(point.value)}`),
    );
    const named = (points.length - 1 - at) % every === 0;
    const last = at === points.length - 1;
    const place = { x: last ? width : middle, y: HEIGHT - 4, "text-anchor": last ? "end" : "middle" };
    return [bar, named && draw("text", place, point.label)];
  });
  const picture = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": title }, lines, bars);
  return make("figure", { class: "chart" }, picture, asTable(title, points, shown, columns));
}

function asTable(title, points, shown, columns) {
  const head = make("tr", {}, columns.map((name) => make("th", { scope: "col" }, name)));
  const rows = points.map((point) =>
    make("tr", {}, make("th", { scope: "row" }, point.label), make("td", { class: "number" }, shown(point.value))),
  );
  const table = make("table", {}, make("caption", { class: "hidden" }, title), make("thead", {}, head), make("tbody", {}, rows));
  return make("details", {}, make("summary", {}, text("table")), make("div", { class: "table", tabindex: 0, role: "region", "aria-label": title }, table));
}

function niceTop(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * STEPS.find((step) => step * power >= most * 0.999);
}
