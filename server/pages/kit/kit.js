// What every page has: its texts, the theme, the language, and elements made from values.
// Values of others reach the document as text only: `make` knows no HTML.

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const SVG = "http://www.w3.org/2000/svg";
const YEAR_S = 31536000;

export const locale = document.documentElement.lang;

// The text of a name, with {member} replaced by the member of `values`; its own name where there is none.
export function text(name, values = {}) {
  const found = TEXTS.page[name] ?? TEXTS.kit[name] ?? name;
  return typeof found === "string" ? found.replace(/\{(\w+)\}/g, (whole, member) => values[member] ?? whole) : found;
}

// An element: attributes that are null or false are left out, true stands alone, on* are listeners;
// children are nodes or texts.
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// A button that copies `value` and says so.
export function copyButton(value, label = text("copy")) {
  const said = make("span", {}, label);
  return make(
    "button",
    {
      type: "button",
      class: "small",
      "aria-live": "polite",
      onclick: async () => {
        await navigator.clipboard.writeText(value);
        said.textContent = text("copied");
      },
    },
    said,
  );
}

function keep(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_S}; samesite=lax`;
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}

document.getElementById("theme").addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  keep("batchin_theme", theme);
});

// What is asked for in the address stays when the language changes.
for (const link of document.querySelectorAll(".languages a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    keep("batchin_language", link.dataset.language);
    const address = new URL(location.href);
    address.searchParams.delete("lang");
    history.replaceState(null, "", address);
    location.reload();
  });
}
