// A small picture of each loss: steps to the right, from its lowest to its highest value.
import { make } from "./elements.js";
import { svg } from "./waveform.js";

const WIDE = 240;
const HIGH = 60;

export function curves(points) {
  const names = new Set(points.flatMap((point) => Object.keys(point.losses)));
  return [...names].sort().map((name) => curve(name, points.filter((point) => name in point.losses)));
}

function curve(name, points) {
  const values = points.map((point) => point.losses[name]);
  const words = `${name}: ${short(values[0])} → ${short(values.at(-1))}`;
  const picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", class: "vm-curve", role: "img", "aria-label": words });
  picture.append(svg("polyline", { points: line(points, values) }));
  return make("figure", { "data-loss": name }, picture, make("figcaption", { class: "vm-note" }, words));
}

function line(points, values) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const first = points[0].step;
  const length = points.at(-1).step - first || 1;
  return points.map((point, at) => `${place((point.step - first) / length, WIDE)},${place(1 - (values[at] - low) / span, HIGH)}`).join(" ");
}

const place = (share, size) => (share * size).toFixed(1);
const short = (value) => Number(value.toPrecision(3)).toString();
