// Keeps the page up to date: when the experiment's version changes, the page is fetched again and what differs is
// exchanged. Elements stay, and with them focus, scroll place, selection and what is open. What a script has made
// itself (data-own) is left to it: it hears "sigtune:updated".
export const EVERY = 1500; // milliseconds

export function keepUpToDate(address) {
  let version = null;
  const look = async () => {
    if (document.hidden) return;
    const answer = await ask(address);
    if (!answer) return;
    if (version !== null && answer.version !== version && !(await exchange())) return;
    version = answer.version;
  };
  repeat(look);
  document.addEventListener("visibilitychange", look);
}

/** A page that could not be shown: look until it can be. */
export function retry() {
  repeat(async () => {
    const response = await fetch(location.href).catch(() => null);
    if (response?.ok) location.reload();
  });
}

function repeat(look) {
  const next = async () => {
    try {
      await look();
    } finally {
      setTimeout(next, EVERY);
    }
  };
  next();
}

/** Return what the address answers, or null and say why there is nothing. */
export async function ask(address) {
  try {
    const response = await fetch(address, { headers: { accept: "application/json" } });
    const answer = await response.json();
    if (!response.ok) {
      say(`${answer.title}: ${answer.message}. What is shown here is from before; the page looks again by itself.`);
      return null;
    }
    say("");
    return answer;
  } catch {
    say("The dashboard does not answer. What is shown here is from before; the page looks again by itself.");
    return null;
  }
}

function say(words) {
  const trouble = document.getElementById("trouble");
  if (trouble.textContent !== words) trouble.textContent = words;
  trouble.hidden = !words;
}

async function exchange() {
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  document.title = page.title;
  morph(document.querySelector("main"), page.querySelector("main"));
  document.dispatchEvent(new CustomEvent("sigtune:updated"));
  return true;
}

/** Make an element what another one is, keeping the elements that are of the same kind at the same place. */
function morph(old, fresh) {
  if ("own" in old.dataset && "own" in fresh.dataset) return;
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" || name === "title")) old.removeAttribute(name);
  }
  const before = [...old.childNodes];
  [...fresh.childNodes].forEach((child, index) => place(old, before[index], child));
  before.slice(fresh.childNodes.length).forEach((child) => child.remove());
}

function place(parent, old, fresh) {
  if (!old) parent.append(document.importNode(fresh, true));
  else if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(document.importNode(fresh, true));
  } else if (old.nodeType === Node.ELEMENT_NODE) morph(old, fresh);
  else if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
}
