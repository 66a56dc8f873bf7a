// Elements from plain words: text is always text, never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function badge(text, tone) {
  return make("span", { class: `vm-badge vm-${tone}` }, text);
}

export function button(text, then, more = {}) {
  return make("button", { type: "button", class: "vm-button", onclick: then, ...more }, text);
}

export function seconds(value) {
  if (value < 60) return `${value.toFixed(1)} s`;
  return `${Math.floor(value / 60)}:${String(Math.floor(value % 60)).padStart(2, "0")} min`;
}

// A line under what somebody did: what became of it, or why not.
export function say(place, text, bad = false) {
  place.textContent = text;
  place.classList.toggle("vm-trouble", bad);
}
