/* Words in two languages, from texts/*.json. A missing text shows its key and is found by a test. */

export const LANGUAGES = ["en", "de"];
const REMEMBERED = "micropen-language";
const loaded = {};
let language = "en";
let said = {};
const heard = new Map();
const MOST_HEARD = 500;

/** Load both languages and choose the one used last, or the browser's. */
export async function loadTexts() {
  const files = LANGUAGES.map((name) => [read(`texts/${name}.json`), read(`texts/calibrate.${name}.json`)]);
  const sentences = Promise.all([read("texts/said.de.json"), read("texts/calibrate.said.de.json")]);
  const found = await Promise.all(files.map((each) => Promise.all(each)));
  LANGUAGES.forEach((name, index) => { loaded[name] = Object.assign({}, ...found[index]); });
  said = { de: Object.assign({}, ...(await sentences)) };
  choose(remembered() ?? navigator.language.slice(0, 2));
}

async function read(path) {
  const response = await fetch(path, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // storage is switched off
  }
}

/** Speak `name` from now on; English when there are no texts for it. */
export function choose(name) {
  language = LANGUAGES.includes(name) ? name : "en";
  document.documentElement.lang = language;
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // The choice lasts until the page is loaded again.
  }
}

export function spoken() {
  return language;
}

/** The text of `key`, with {names} replaced by `values`. */
export function t(key, values = {}) {
  const text = loaded[language]?.[key] ?? loaded.en?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The word for a value of a fixed set, "state" and "running" for instance; else the value. */
export function word(set, value) {
  const key = `${set}.${String(value).replaceAll(" ", "_")}`;
  return loaded[language]?.[key] ?? String(value);
}

/** A sentence of the controller in the language spoken; as it came when nobody translated it.
    A "{}" of a known sentence stands for what is filled in: names of measures are translated too,
    anything else stays as it came. */
export function inTongue(sentence) {
  const known = said[language];
  if (!known || !sentence) return sentence;
  if (sentence in known) return known[sentence];
  if (!heard.has(sentence)) {
    if (heard.size > MOST_HEARD) heard.clear();
    heard.set(sentence, filledIn(known, sentence));
  }
  return heard.get(sentence);
}

function filledIn(known, sentence) {
  for (const [form, translated] of Object.entries(known)) {
    if (!form.includes("{}")) continue;
    const parts = form.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const match = new RegExp(`^${parts.join("(.*?)")}$`).exec(sentence);
    if (!match) continue;
    let next = 0;
    return translated.replace(/\{\}/g, () => word("measure", match[(next += 1)]));
  }
  return sentence;
}
