// Every page: copying, the age of moments, files read into a form; and what a page has besides, if it has it.
import { keepUpToDate, retry } from "./live.js";
import { drawFigures } from "./charts.js";
import { showHistory } from "./history.js";

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const ages = new Intl.RelativeTimeFormat("en", { numeric: "always" });

function showAges() {
  const now = Date.now() / 1000;
  for (const time of document.querySelectorAll("time[data-time]")) {
    const moment = Number(time.dataset.time);
    const seconds = Math.max(0, now - moment);
    const [size, unit] = UNITS.find(([each]) => seconds >= each) ?? [1, "second"];
    const text = ages.format(-Math.floor(seconds / size), unit);
    if (time.textContent !== text) time.textContent = text;
    time.title = new Date(moment * 1000).toLocaleString();
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch { // no clipboard outside of localhost and TLS: mark the text, Ctrl-C does the rest
    getSelection().selectAllChildren(source);
    button.textContent = "Marked";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

document.addEventListener("change", async (event) => {
  const into = event.target.dataset?.into;
  if (into && event.target.files[0]) document.getElementById(into).value = await event.target.files[0].text();
});

// What was said once is not said again by a reload.
const address = new URL(location.href);
if (address.searchParams.has("said")) {
  address.searchParams.delete("said");
  history.replaceState(null, "", address);
}

showAges();
setInterval(showAges, 1000);
document.addEventListener("sigtune:updated", showAges);
drawFigures();
showHistory();
if ("retry" in document.body.dataset) retry();
else if (document.body.dataset.updated) keepUpToDate(document.body.dataset.updated);
