// What a page of the documentation does beyond being read: copy, anchors, language tabs, search.

import { make, text } from "../kit/kit.js";

const CHOICE = "docs-language";

function addCopies(root) {
  for (const block of root.querySelectorAll(".code")) {
    const said = make("span", {}, text("copy"));
    const copy = async () => {
      const code = block.querySelector("code").cloneNode(true);
      code.querySelectorAll(".gp").forEach((prompt) => prompt.remove());
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = text("copied");
    };
    block.append(make("button", { type: "button", class: "small", "aria-live": "polite", onclick: copy }, said));
  }
}

function addAnchors(root) {
  for (const heading of root.querySelectorAll(":is(h2, h3)[id]")) {
    const link = document.createElement("a");
    link.className = "anchor";
    link.href = `#${heading.id}`;
    link.textContent = "#";
    link.setAttribute("aria-label", `${text("link")}: ${heading.textContent}`);
    heading.append(link);
  }
}

function remembered() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null; // storage is turned off
  }
}

function remember(name) {
  try {
    localStorage.setItem(CHOICE, name);
  } catch {
    // the choice holds for this page
  }
}

function makeTabs(group, number) {
  const panels = [...group.querySelectorAll("[data-tab]")];
  const list = document.createElement("div");
  list.className = "tablist";
  list.setAttribute("role", "tablist");
  const tabs = panels.map((panel, at) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${number}-${at}`;
    tab.textContent = panel.dataset.tab;
    tab.setAttribute("role", "tab");
    panel.id = `panel-${number}-${at}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.tabIndex = 0;
    tab.setAttribute("aria-controls", panel.id);
    tab.addEventListener("click", () => choose(at));
    list.append(tab);
    return tab;
  });
  function choose(at, focus = false) {
    tabs.forEach((tab, other) => {
      tab.setAttribute("aria-selected", String(other === at));
      tab.tabIndex = other === at ? 0 : -1;
      panels[other].hidden = other !== at;
    });
    remember(panels[at].dataset.tab);
    if (focus) tabs[at].focus();
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose((tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length, true);
  });
  group.prepend(list);
  const wanted = panels.findIndex((panel) => panel.querySelector(`[id="${CSS.escape(location.hash.slice(1))}"]`));
  const last = panels.findIndex((panel) => panel.dataset.tab === remembered());
  choose(wanted >= 0 ? wanted : Math.max(0, last));
}

const main = document.getElementById("main");
addAnchors(main);
addCopies(main);
document.querySelectorAll(".tabs").forEach(makeTabs);
if (matchMedia("(max-width: 55.99rem)").matches) document.querySelector(".side details")?.removeAttribute("open");
if (document.querySelector(".try")) import("./try.js");
const field = document.getElementById("search");
field.addEventListener("focus", () => import("./search.js"), { once: true });
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  field.focus();
});
