// Asks for the data of each figure when it comes into view, and draws it with figures.js.
import { ask, EVERY } from "./live.js";

const LIBRARY = ["echarts.min.js", "figure_parts.js", "figure_kinds.js", "figures.js"];

const drawn = new Map(); // element → what figures.js returned
const known = new WeakSet(); // figures and forms that are watched already
let tables = new Map(); // address → promise of a table, until the next change
let library; // promise of what draws, once there is a figure

const watcher = new IntersectionObserver((entries) => {
  for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
    watcher.unobserve(target);
    draw(target);
  }
}, { rootMargin: "200px" });

export function drawFigures() {
  watchNew();
  document.addEventListener("sigtune:updated", () => {
    tables = new Map();
    drawn.forEach((_figure, element) => { if (isDue(element)) draw(element); });
    watchNew();
  });
  document.addEventListener("sigtune:observation", (event) => pick(event.detail));
}

/** Watch the figures that have come, with the page or later. */
async function watchNew() {
  if (!document.querySelector("[data-figure], [data-figures]")) return;
  await (library ??= load());
  forNew("[data-figure]", (element) => watcher.observe(element));
  forNew("[data-controls]", listen);
  document.querySelectorAll("[data-figures]").forEach(drawAll);
}

function forNew(selector, action) {
  for (const element of document.querySelectorAll(selector)) {
    if (!known.has(element)) action(element);
    known.add(element);
  }
}

/** Load what draws, once the page has been painted without: a browser reads a megabyte of it for a while. */
async function load() {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  for (const name of LIBRARY) {
    while (!(await run(`/figures/${name}`))) await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}

/** Run a script of ours; false where the dashboard does not answer. */
function run(address) {
  const script = Object.assign(document.createElement("script"), { src: address });
  document.head.append(script);
  return new Promise((resolve) => {
    script.onload = () => resolve(true);
    script.onerror = () => resolve(false);
  });
}

/** Whether a figure follows this change: what is computed for seconds does so twice a minute at most. */
function isDue(element) {
  return !("slow" in element.dataset) || performance.now() - Number(element.dataset.slow) > 30_000;
}

function listen(form) {
  const element = document.getElementById(form.dataset.controls);
  form.addEventListener("change", () => draw(element));
  form.addEventListener("submit", (event) => event.preventDefault());
}

async function draw(element) {
  const form = document.querySelector(`[data-controls="${element.id}"]`);
  const address = new URL(element.dataset.figure, location.href);
  if (form) for (const [name, value] of new FormData(form)) address.searchParams.set(name, value);
  const asked = element.dataset.asked = String(address);
  const [figure, table] = await Promise.all([ask(address), tableAt(element.dataset.table)]);
  if (!figure || table === null || element.dataset.asked !== asked) return;
  show(element, figure, table);
}

function show(element, figure, table) {
  if ("slow" in element.dataset) element.dataset.slow = performance.now();
  element.classList.toggle("is-reason", Boolean(figure.reason));
  const before = drawn.get(element);
  if (before) before.update(figure, table);
  else drawn.set(element, sigtuneFigures.draw(element, figure, table));
}

function tableAt(address) {
  if (!address) return undefined;
  if (!tables.has(address)) tables.set(address, ask(address));
  return tables.get(address);
}

/** Figures of which the page does not know how many there are. */
async function drawAll(place) {
  const figures = await ask(place.dataset.figures);
  for (const [index, figure] of (figures ?? []).entries()) {
    if (!place.children[index]) {
      const card = Object.assign(document.createElement("section"), { className: "card" });
      card.append(document.createElement("h2"));
      card.append(Object.assign(document.createElement("div"), { className: "figure tall" }));
      place.append(card);
    }
    const [title, element] = place.children[index].children;
    title.textContent = figure.title;
    show(element, figure);
  }
}

function pick(observation) {
  drawn.forEach((figure) => figure.select?.(observation.number));
  const place = document.querySelector("[data-picked]");
  if (!place) return;
  const link = document.createElement("a");
  link.href = `${document.body.dataset.home}/observations/${encodeURIComponent(observation.id)}`;
  link.textContent = `Observation ${observation.id}`;
  const values = Object.entries({ ...observation.values, ...observation.assignments });
  const text = observation.failed ? ` failed: ${observation.reason}` : "";
  place.replaceChildren(link, `${text} ${values.map(([name, value]) => `${name} ${value}`).join(", ")}`);
  place.hidden = false;
}
