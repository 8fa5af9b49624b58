// The table of all observations: sorted, filtered and paged here, as all rows are here.
import { ask } from "./live.js";

const [NUMBER, ID, JOB, TIME, REASON, CELLS] = [0, 1, 2, 3, 4, 5]; // what a row holds at which place
const CONDITION = /^(.+?)\s*(<=|>=|!=|=|<|>)\s*(\S.*)$/;
const TESTS = {
  "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

const state = { columns: [], rows: [], best: new Set(), reading: "", sort: NUMBER, down: true, page: 0, marked: new Set() };
let section, filters;

export function showHistory() {
  section = document.querySelector("[data-rows]");
  if (!section) return;
  filters = document.getElementById("history-filters");
  filters.addEventListener("input", () => { state.page = 0; render(); });
  filters.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("history-newer").addEventListener("click", () => turn(-1));
  document.getElementById("history-older").addEventListener("click", () => turn(1));
  document.addEventListener("sigtune:updated", read);
  read();
}

async function read() {
  const address = new URL(section.dataset.rows, location.href);
  address.searchParams.set("reading", state.reading);
  address.searchParams.set("from", state.rows.length);
  const answer = await ask(address);
  if (!answer) return;
  if (!state.reading) head(answer.columns);
  state.rows = [...state.rows.slice(0, answer.from), ...answer.rows];
  state.reading = answer.reading;
  state.best = new Set(answer.best);
  render();
}

function turn(by) {
  state.page += by;
  render();
  section.querySelector(".scroll").scrollTop = 0;
}

function head(columns) {
  state.columns = columns;
  const titles = [["#", NUMBER], ["Job", JOB], ["When", TIME], ...columns.map((each, index) => [each.name, CELLS + index])];
  const row = section.querySelector("thead tr");
  const mark = document.createElement("th");
  mark.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: "Mark" }));
  row.replaceChildren(mark, ...titles.map(([title, place]) => heading(title, place)));
}

function heading(title, place) {
  const cell = document.createElement("th");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: title });
  button.addEventListener("click", () => {
    state.down = state.sort === place ? !state.down : true;
    state.sort = place;
    state.page = 0;
    render();
  });
  cell.dataset.place = place;
  cell.append(button);
  return cell;
}

function render() {
  const found = sorted(state.rows.filter(wanted()));
  const size = Number(filters.elements.size.value);
  const last = Math.max(0, Math.ceil(found.length / size) - 1);
  state.page = Math.min(Math.max(state.page, 0), last);
  const shown = found.slice(state.page * size, (state.page + 1) * size);
  section.querySelector("tbody").replaceChildren(...shown.map(line));
  for (const cell of section.querySelectorAll("th[data-place]")) {
    const isSorted = Number(cell.dataset.place) === state.sort;
    if (isSorted) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
  document.getElementById("history-newer").disabled = state.page === 0;
  document.getElementById("history-older").disabled = state.page === last;
  const first = found.length ? state.page * size + 1 : 0;
  const all = found.length === state.rows.length ? "" : `, ${state.rows.length} in all`;
  document.getElementById("history-place").textContent = `${first} to ${first + shown.length - (shown.length ? 1 : 0)} of ${found.length}${all}`;
}

/** Return whether a row is asked for: conditions on columns, and else a word that is in it. */
function wanted() {
  const tests = filters.elements.filter.value.split(",").map((part) => part.trim()).filter(Boolean).map(test);
  const kind = filters.elements.state.value;
  if (kind === "ok") tests.push((row) => !row[REASON]);
  if (kind === "failed") tests.push((row) => row[REASON]);
  if (kind === "best") tests.push((row) => state.best.has(row[NUMBER]));
  return (row) => tests.every((each) => each(row));
}

function test(text) {
  const [, name, sign, value] = text.match(CONDITION) ?? [];
  const column = state.columns.findIndex((each) => each.name === name);
  if (column >= 0) {
    const isNumber = state.columns[column].is_number;
    const bound = isNumber ? Number(value) : value;
    return (row) => row[CELLS + column] !== null && TESTS[sign](row[CELLS + column], bound);
  }
  const word = text.toLowerCase();
  return (row) => row.some((cell) => typeof cell === "string" && cell.toLowerCase().includes(word));
}

/** Rows without a value come last, whichever way the others are sorted. */
function sorted(rows) {
  const way = state.down ? -1 : 1;
  const place = state.sort;
  return rows.sort((one, other) => {
    const [a, b] = [one[place] ?? null, other[place] ?? null];
    if (a === b) return (one[NUMBER] - other[NUMBER]) * way;
    if (a === null || b === null) return a === null ? 1 : -1;
    return (a < b ? -1 : 1) * way;
  });
}

function line(row) {
  const tr = document.createElement("tr");
  if (row[REASON]) tr.className = "is-failed";
  else if (state.best.has(row[NUMBER])) tr.className = "is-best";
  tr.append(td(mark(row)), td(link(row), "number"), td(row[JOB] ?? "", "number"), td(time(row), "nowrap"));
  const values = row.slice(CELLS).map((cell) => td(shown(cell), "number"));
  if (row[REASON]) values[0] = td(`failed: ${row[REASON]}`);
  tr.append(...values);
  return tr;
}

function td(content, className = "") {
  const cell = document.createElement("td");
  if (className) cell.className = className;
  cell.append(content);
  return cell;
}

function mark(row) {
  if (row[JOB] === null) return "";
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "job", value: row[JOB] });
  box.setAttribute("form", "curves");
  box.setAttribute("aria-label", `mark job ${row[JOB]}`);
  box.checked = state.marked.has(row[JOB]);
  box.addEventListener("change", () => state.marked[box.checked ? "add" : "delete"](row[JOB]));
  return box;
}

function link(row) {
  const a = document.createElement("a");
  a.href = `${document.body.dataset.home}/observations/${encodeURIComponent(row[ID])}`;
  a.textContent = row[NUMBER];
  if (state.best.has(row[NUMBER])) a.textContent += " ★";
  return a;
}

function time(row) {
  const element = document.createElement("time");
  element.textContent = new Date(row[TIME] * 1000).toLocaleString("sv-SE");
  return element;
}

function shown(cell) {
  if (cell === null) return "";
  return typeof cell === "number" && !Number.isInteger(cell) ? String(Number(cell.toPrecision(5))) : String(cell);
}
