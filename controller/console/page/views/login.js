/* The login pad: who, then the PIN. The PIN leaves this module in one request and is kept nowhere. */

import { post } from "../api.js";
import { actButton } from "../app.js";
import { button, change, el, fill, say } from "../dom.js";
import { time } from "../format.js";
import { t, word } from "../texts.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "⌫", "0", "✓"];

/** The panel; `why` is said above it. */
export function loginPanel(app, why = "") {
  return app.view?.login ? logoutPanel(app) : new LoginPad(app, why).panel();
}

export class LoginPad {
  constructor(app, why) {
    this.app = app;
    this.person = null;
    this.said = el("p", { class: "bad-text", role: "alert" }, why);
    this.people = el("div", { class: "list", role: "group", "aria-label": t("login.who") });
    this.pin = el("input", {
      type: "password", id: "pin", inputmode: "none", autocomplete: "off", "aria-label": t("login.pin"),
      on: { keydown: (event) => { if (event.key === "Enter") this.send(); } },
    });
  }

  panel(title = t("login.title"), help = "") {
    const pad = el("div", { class: "keypad digits" }, ...KEYS.map((key) => this.key(key)));
    const element = el("div", { class: "stack login" },
      el("div", { class: "row" }, el("div", { class: "grow" }, el("h1", {}, title), help ? el("p", { class: "quiet" }, help) : null, this.said), button(t("do.cancel"), () => this.app.closePanel())),
      el("div", { class: "login-grid" }, this.people, el("div", { class: "stack" }, this.pin, pad)));
    this.load();
    return { element, title };
  }

  key(key) {
    const names = { "⌫": t("keypad.back"), "✓": t("login.send") };
    const attributes = key === "✓" ? { class: "main" } : {};
    if (names[key]) attributes["aria-label"] = names[key];
    return button(key, () => this.press(key), attributes);
  }

  press(key) {
    if (key === "✓") this.send();
    else this.pin.value = key === "⌫" ? this.pin.value.slice(0, -1) : this.pin.value + key;
  }

  async load() {
    const people = await this.app.read("/api/people");
    if (!people) return;
    fill(this.people, ...people.map((person) => this.choice(person)));
    if (!people.length) say(this.said, t("login.nobody_known"));
    if (people.length === 1) this.choose(people[0].name);
  }

  choice(person) {
    return button(person.name, () => this.choose(person.name), {
      class: "choice", "aria-pressed": "false", "data-person": person.name,
    }).appendChild(el("small", {}, word("role", person.role))).parentNode;
  }

  choose(name) {
    this.person = name;
    for (const node of this.people.children) change(node, "aria-pressed", String(node.dataset.person === name));
    this.pin.focus();
  }

  async send() {
    if (!this.person) return say(this.said, t("login.who"));
    const pin = this.pin.value;
    this.pin.value = "";
    try {
      const view = await post("/api/login", { person: this.person, pin });
      this.app.closePanel();
      this.app.show(view);
      this.app.stream.connect();
    } catch (error) {
      say(this.said, [error.what, error.action].filter(Boolean).join(" "));
    }
    return undefined;
  }
}

function logoutPanel(app) {
  const login = app.view.login;
  const out = actButton(app, "logout", t("login.out"), async () => {
    if (!(await app.act("logout", "/api/logout"))) return;
    app.closePanel();
    app.stream.connect();
  }, { class: "main" });
  const element = el("div", { class: "stack" },
    el("h1", { tabindex: "-1" }, login.person),
    el("p", {}, word("role", login.role)),
    el("p", {}, t("login.until", { time: time(login.expires_wall) })),
    el("div", { class: "row" }, out, button(t("do.close"), () => app.closePanel())));
  return { element, title: login.person, show: () => out.follow() };
}
