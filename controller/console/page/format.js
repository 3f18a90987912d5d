/* Numbers and times for people. Thousands are set apart by a narrow space in both languages: a
   comma or point there could be read as the decimal sign of the other language, a thousandfold
   error. */

import { spoken, t } from "./texts.js";

const NARROW = "\u202f";

/** A number with `digits` decimals. */
export function number(value, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const fixed = Math.abs(value).toFixed(digits);
  const [whole, rest] = fixed.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, NARROW);
  const sign = value < 0 && Number(fixed) !== 0 ? "−" : "";
  return sign + grouped + (rest ? (spoken() === "de" ? "," : ".") + rest : "");
}

/** A volume in nanolitres, as device and limits count it. */
export function nl(value) {
  return `${number(value)}${NARROW}nl`;
}

/** An amount in the product's own unit. Two decimals: the smallest limit is 0.4 a puncture. */
export function units(value, unit) {
  return value === null || value === undefined ? "" : `${number(value, 2)}${NARROW}${unitName(unit)}`;
}

/** What people call a unit: "ona_u" is U of onabotulinumtoxinA, never merely U. */
export function unitName(unit) {
  return unit ? unit.replace(/_u$/, "-U") : "";
}

/** A value of a measure with its unit. */
export function measured(value, unit) {
  const digits = Number.isInteger(value) ? 0 : value < 100 ? 2 : 0;
  const names = { um: "µm", us: "µs", nl: "nl", "nl/s": "nl/s", "/cm2": "/cm²", steps: t("unit.steps") };
  return `${number(value, digits)}${NARROW}${names[unit] ?? unitName(unit)}`;
}

/** Local time of day of an RFC 3339 text. */
export function time(wall) {
  const when = new Date(wall);
  if (Number.isNaN(when.getTime())) return String(wall ?? "–");
  return [when.getHours(), when.getMinutes(), when.getSeconds()].map(two).join(":");
}

/** Local date, always as year-month-day. */
export function date(wall) {
  const when = new Date(wall);
  if (Number.isNaN(when.getTime())) return String(wall ?? "–");
  return `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
}

/** Date and time of day. */
export function moment(wall) {
  return wall ? `${date(wall)} ${time(wall).slice(0, 5)}` : "–";
}

function two(value) {
  return String(value).padStart(2, "0");
}

/** Hours and minutes of an age in minutes. */
export function age(minutes) {
  return t("time.age", { hours: Math.floor(minutes / 60), minutes: two(minutes % 60) });
}
