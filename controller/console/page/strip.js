/* The last 30 s as curves: dose of the present zone, cadence, and when the pen touched and was
   triggered. The newest moment is at the right edge. */

import { t } from "./texts.js";
import { number } from "./format.js";

const SPAN_S = 30;
const CONTACT = "#0a5f35";
const TRIGGER = "#9a4a00";

/** Keeps what was heard of the last 30 s. */
export class Recent {
  constructor() {
    this.points = [];
  }

  add(points) {
    for (const point of points) {
      const last = this.points.at(-1);
      if (last && point.mono_s < last.mono_s) this.points = []; // another controller speaks
      if (!last || point.mono_s > last.mono_s) this.points.push(point);
    }
    const newest = this.points.at(-1)?.mono_s ?? 0;
    this.points = this.points.filter((point) => point.mono_s >= newest - SPAN_S);
  }
}

/** Draws `recent` on a canvas of its own. */
export class Strip {
  constructor(recent) {
    this.recent = recent;
    this.element = document.createElement("canvas");
    this.element.className = "live";
    this.element.setAttribute("role", "img");
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.element.width !== Math.round(width * ratio)) this.element.width = Math.round(width * ratio);
    if (this.element.height !== Math.round(height * ratio)) this.element.height = Math.round(height * ratio);
    const paper = this.element.getContext("2d");
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.clearRect(0, 0, width, height);
    const points = this.recent.points;
    const most_hz = Math.max(1, ...points.map((point) => point.cadence_hz));
    const most_nl = Math.max(1, ...points.map((point) => point.dose_nl));
    const newest = points.at(-1)?.mono_s ?? 0;
    const x = (point) => width - 4 - ((newest - point.mono_s) / SPAN_S) * (width - 8);
    const tall = height - 22;
    grid(paper, width, height);
    band(paper, points, x, "contact", height - 12, CONTACT);
    band(paper, points, x, "trigger", height - 6, TRIGGER);
    curve(paper, points, x, (p) => 4 + tall - (p.cadence_hz / most_hz) * tall, TRIGGER, 2);
    curve(paper, points, x, (p) => 4 + tall - (p.dose_nl / most_nl) * tall, "#0b4f7a", 4);
    legend(paper, [[t("strip.dose"), "#0b4f7a"], [t("strip.cadence"), TRIGGER], [t("strip.contact"), CONTACT]]);
    const last = points.at(-1);
    const words = last ? { nl: number(last.dose_nl), hz: number(last.cadence_hz, 1) } : { nl: "–", hz: "–" };
    this.element.setAttribute("aria-label", t("strip.label", words));
  }
}

function grid(paper, width, height) {
  paper.fillStyle = "#d3dbe0";
  for (let ten = 1; ten < 3; ten += 1) paper.fillRect(width - 4 - (ten / 3) * (width - 8), 0, 1, height);
  paper.fillStyle = "#3d4d58";
  paper.font = "13px 'DejaVu Sans', sans-serif";
  paper.fillText("−20 s", (width - 8) / 3 + 4, height - 16);
  paper.fillText("−10 s", ((width - 8) / 3) * 2 + 4, height - 16);
}

/** Names of the curves in their colours. */
function legend(paper, entries) {
  paper.font = "700 13px 'DejaVu Sans', sans-serif";
  let x = 8;
  for (const [text, colour] of entries) {
    const wide = paper.measureText(text).width;
    paper.fillStyle = "rgba(255, 255, 255, 0.85)";
    paper.fillRect(x - 2, 2, wide + 4, 16);
    paper.fillStyle = colour;
    paper.fillText(text, x, 14);
    x += wide + 14;
  }
}

function curve(paper, points, x, y, colour, thick) {
  paper.beginPath();
  points.forEach((point, index) => (index ? paper.lineTo(x(point), y(point)) : paper.moveTo(x(point), y(point))));
  paper.strokeStyle = colour;
  paper.lineWidth = thick;
  paper.lineJoin = "round";
  paper.stroke();
}

function band(paper, points, x, key, y, colour) {
  paper.fillStyle = colour;
  points.slice(1).forEach((point, index) => {
    if (point[key]) paper.fillRect(x(points[index]), y, Math.max(1, x(point) - x(points[index])), 5);
  });
}
