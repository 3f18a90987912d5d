/* Words in two languages, from texts/*.json. A missing text shows its key and is found by a test. */

export const LANGUAGES = ["en", "de"];
const REMEMBERED = "micropen-language";
const loaded = {};
let language = "en";
let said = {};
const heard = new Map();
const patterns = new Map();
const MOST_HEARD = 500;

/** Load both languages and choose the one used last, or the browser's. */
export async function loadTexts() {
  const files = LANGUAGES.map((name) => [read(`texts/${name}.json`), read(`texts/calibrate.${name}.json`)]);
  const german = Promise.all([read("texts/said.de.json"), read("texts/calibrate.said.de.json")]);
  const english = read("texts/calibrate.said.en.json");
  const found = await Promise.all(files.map((each) => Promise.all(each)));
  LANGUAGES.forEach((name, index) => { loaded[name] = Object.assign({}, ...found[index]); });
  said = { de: Object.assign({}, ...(await german)), en: await english };
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
    A "{}" of a known sentence stands for what is filled in: what is known of it is translated too,
    and names of measures; anything else stays as it came. English is the controller's own, but for
    what only a terminal has. */
export function inTongue(sentence) {
  const known = said[language];
  if (!known || !sentence) return sentence;
  const key = `${language} ${sentence}`;
  if (!heard.has(key)) {
    if (heard.size > MOST_HEARD) heard.clear();
    heard.set(key, withMicro(sentence.split("\n").map((line) => inLine(known, line)).join(" ")));
  }
  return heard.get(key);
}

/** The controller writes ASCII. */
function withMicro(text) {
  return text.replace(/(\d ?)u([ml])\b/gi, (_, before, unit) => `${before}µ${unit.toLowerCase()}`);
}

/** A line of a whole error: "E7053 What happened.", "  Likely cause: ...", "  What to do: ...". */
function inLine(known, line) {
  const [, before, rest] = /^ *(E\d+ |Likely cause: |What to do: )?(.*)$/.exec(line);
  return (before?.startsWith("E") ? before : "") + translated(known, rest);
}

/** As a whole, or else in parts of a list; a list is what it is only when each part is known. */
function translated(known, sentence) {
  if (sentence in known) return known[sentence];
  const parts = sentence.split("; ").map((part) => [part, filledIn(known, part)]);
  const isList = parts.length > 1 && parts.every(([part, found]) => part !== found);
  return isList ? parts.map(([, found]) => found).join("; ") : filledIn(known, sentence);
}

/** Sentences with something to fill in, made ready once. */
function patternsOf(known) {
  if (!patterns.has(known)) {
    const open = Object.entries(known).filter(([sentence]) => sentence.includes("{}"));
    patterns.set(known, open.map(([sentence, form]) => {
      const parts = sentence.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return [new RegExp(`^${parts.join("(.*?)")}$`), form];
    }));
  }
  return patterns.get(known);
}

/** `inner` says what stands in a place; there a sentence has no places of its own any more. */
function filledIn(known, sentence, inner = inPlace) {
  if (sentence in known) return known[sentence];
  for (const [pattern, form] of patternsOf(known)) {
    const match = pattern.exec(sentence);
    if (!match) continue;
    let next = 0;
    return form.replace(/\{\}/g, () => {
      return inner(known, match[(next += 1)]);
    });
  }
  return sentence;
}

function asItIs(known, part) {
  return known[part] ?? word("measure", part);
}

/** A word, or a sentence; its full stop may have gone to the sentence around it. */
function inPlace(known, part) {
  for (const stop of ["", "."]) {
    const found = filledIn(known, part + stop, asItIs);
    if (found !== part + stop) return found.slice(0, stop && found.endsWith(".") ? -1 : undefined);
  }
  return asItIs(known, part);
}
