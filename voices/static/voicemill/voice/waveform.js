// A recording as a picture: a click plays it from there, the arrows go to a place in it.
import { sound } from "./api.js";
import { make, button, seconds } from "./elements.js";

const HIGH = 48;
const SVG = "http://www.w3.org/2000/svg";
let playing = null;

export function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function outline(peaks) {
  const at = (value) => (HIGH / 2 - (value * HIGH) / 2).toFixed(1);
  const over = peaks.map(([, high], x) => `${x} ${at(high)}`);
  const under = peaks.map(([low], x) => `${x} ${at(low)}`).reverse();
  return `M${[...over, ...under].join("L")}Z`;
}

export function waveform(address, peaks, length, name) {
  const audio = new Audio();
  const picture = svg("svg", { viewBox: `0 0 ${Math.max(1, peaks.length - 1)} ${HIGH}`, preserveAspectRatio: "none", class: "vm-wave" });
  const shape = outline(peaks);
  const clip = `wave-${Math.random().toString(36).slice(2)}`;
  const window = svg("clipPath", { id: clip });
  const heard = svg("rect", { x: 0, y: 0, width: 0, height: HIGH });
  window.append(heard);
  picture.append(window, svg("path", { d: shape }), svg("path", { d: shape, class: "vm-heard", "clip-path": `url(#${clip})` }));
  const slider = make("div", { class: "vm-wave-box", role: "slider", tabindex: 0, "aria-label": `Place in ${name}`, "aria-valuemin": 0, "aria-valuemax": Math.round(length), "aria-valuenow": 0 }, picture);
  const clock = make("span", { class: "vm-clock" }, seconds(length));
  const toggle = button("Play", () => (audio.paused ? start() : audio.pause()), { "aria-label": `Play ${name}` });

  async function start() {
    if (playing && playing !== audio) playing.pause();
    playing = audio;
    try {
      await fetched();
      await audio.play();
    } catch {
      silent();
    }
  }

  function silent() {
    clock.textContent = "cannot be played";
  }

  // When it is first wanted: most recordings are only looked at.
  async function fetched() {
    if (audio.src) return;
    const place = audio.currentTime;
    audio.src = await sound(address);
    audio.currentTime = place;
  }

  function show() {
    const share = length ? Math.min(1, audio.currentTime / length) : 0;
    heard.setAttribute("width", share * peaks.length);
    slider.setAttribute("aria-valuenow", Math.round(audio.currentTime));
    clock.textContent = audio.currentTime ? `${seconds(audio.currentTime)} / ${seconds(length)}` : seconds(length);
  }

  async function seek(share) {
    await fetched().catch(silent);
    audio.currentTime = Math.max(0, Math.min(1, share)) * length;
    show();
  }

  audio.addEventListener("timeupdate", show);
  audio.addEventListener("play", () => { toggle.textContent = "Pause"; });
  audio.addEventListener("pause", () => { toggle.textContent = "Play"; });
  slider.addEventListener("click", async (event) => {
    const box = slider.getBoundingClientRect();
    await seek((event.clientX - box.left) / box.width);
    if (audio.paused) await start();
  });
  slider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (step) seek(audio.currentTime / length + step);
  });
  return make("div", { class: "vm-sound" }, toggle, slider, clock);
}
