-- The dashboard's script. Everything that comes from the node is written as text: nothing is parsed as
-- markup, and the page's policy (Trusted Types) forbids it.

return [==[
"use strict";
(() => {
  const POLL_MS = 2000;
  const BASE = location.origin + location.pathname.replace(/\/+$/, "");
  const $ = (id) => document.getElementById(id);

  const CATEGORIES = {
    api_ddos: ["Flood", "Far more requests than this route is used to."],
    credential_stuffing: ["Credential stuffing", "Somebody tries out stolen or guessed logins."],
    abuse: ["Abuse", "Scanning, scraping, or ids read one after the other."],
    payload_injection: ["Injection", "Requests carry exploits in path, query, headers or body."],
    route_misconfiguration: ["Broken change", "A route fails since its configuration changed."],
    mass_error: ["Failing upstream", "The service behind the gateway answers with errors."],
    client_anomaly: ["Stolen credential?", "A credential is used from where it never was."],
    payload_outlier: ["Odd requests", "Values, names or sizes that a route never had."],
  };
  const STATES = {
    pending: ["waits for approval", "violet"], applying: ["being applied", "blue"], active: ["in force", "green"],
    kept: ["kept", "green"], reverting: ["being undone", "blue"], reverted: ["undone", ""], expired: ["expired", ""],
    dry_run: ["only noted: monitor mode", "amber"], refused: ["not done", "amber"], failed: ["failed", "red"],
    conflict: ["needs you: changed by someone else", "red"], handed_out: ["handed out: apply its patch", "violet"],
  };
  const VERBS = {
    acl: "Deny by group", allow: "Exempt", ban: "Ban", circuit_breaker: "Break the circuit", concurrency_cap: "Cap what goes on at once",
    deny_consumer: "Deny", disable_credential: "Disable a credential of", disable_plugin: "Switch off a plugin",
    divert_route: "Divert the route", drain_target: "Drain a target", hot_patch: "Patch", ip_restriction: "Deny addresses",
    limit_consumer: "Limit consumers", rate_limiting: "Limit the rate", request_termination: "Close the route", reroute: "Reroute",
    restrict_route: "Restrict the route", rollback: "Take back the change", tag: "Tag", throttle: "Slow down",
  };
  const SEVERITY = { critical: "red", high: "red", medium: "amber", low: "blue" };
  const UNDOABLE = { active: true, applying: true, kept: true };

  let data = null, lastAnswer = 0, failure = null, selected = null, showAll = false, clockSkew = 0;
  const drawn = {};

  /* Making elements: children are text or elements, never markup. */
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "onclick") element.addEventListener("click", value);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined && child !== false) {
        element.append(child instanceof Node ? child : document.createTextNode(String(child)));
      }
    }
    return element;
  }
  function s(tag, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }
  /* Draws a part anew only when what it shows has changed, and keeps the focus where it was. */
  function draw(id, what, make) {
    const signature = JSON.stringify(what);
    if (drawn[id] === signature) return;
    drawn[id] = signature;
    const place = $(id), focus = place.contains(document.activeElement) && document.activeElement.dataset.key;
    place.replaceChildren(...[make()].flat().filter(Boolean));
    if (focus) [...place.querySelectorAll("[data-key]")].find((e) => e.dataset.key === focus)?.focus();
  }

  const number = (n) => Number(n || 0).toLocaleString("en", { maximumFractionDigits: 1 });
  const plural = (n, one, many) => number(n) + " " + (n === 1 ? one : many || one + "s");
  const now = () => Date.now() / 1000 - clockSkew;
  function span(seconds) {
    seconds = Math.max(0, Math.round(seconds));
    if (seconds < 60) return seconds + " s";
    if (seconds < 3600) return Math.floor(seconds / 60) + " min";
    if (seconds < 172800) return Math.floor(seconds / 3600) + " h " + Math.floor(seconds % 3600 / 60) + " min";
    return Math.floor(seconds / 86400) + " days";
  }
  function bytes(n) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (n >= 1024 && unit < 4) { n /= 1024; unit++; }
    return number(n) + " " + units[unit];
  }
  const ago = (at) => h("time", { "data-ago": at, datetime: new Date(at * 1000).toISOString() }, span(now() - at) + " ago");
  const left = (at) => h("span", { "data-left": at }, span(at - now()));
  const clock = (at) => h("time", { datetime: new Date(at * 1000).toISOString() }, new Date(at * 1000).toLocaleTimeString("en-GB"));
  function tick() {
    for (const e of document.querySelectorAll("[data-ago]")) e.textContent = span(now() - e.dataset.ago) + " ago";
    for (const e of document.querySelectorAll("[data-left]")) e.textContent = span(e.dataset.left - now());
    const lost = failure !== null || (lastAnswer && Date.now() - lastAnswer > 10000);
    $("live").classList.toggle("lost", Boolean(lost));
    $("live-text").textContent = lost ? (failure || "no answer") + (lastAnswer ? ": shown is " + span((Date.now() - lastAnswer) / 1000) + " old" : "")
      : lastAnswer ? "live" : "connecting";
  }
  const chip = (text, colour) => h("span", { class: "chip" + (colour ? " is-" + colour : "") }, text);

  /* Asking and telling the node. */
  async function ask(method, path, body) {
    const headers = { "X-Requested-With": "threat-agent", Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(BASE + path, { method, headers, body: body ? JSON.stringify(body) : undefined, cache: "no-store", credentials: "same-origin" });
    const json = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(json.message || "the gateway answers " + answer.status);
    return json;
  }
  function toast(text) {
    const element = h("div", { class: "toast" }, text);
    $("toasts").append(element);
    setTimeout(() => element.remove(), 6000);
  }
  /* Asks for a note; nothing when it was cancelled. */
  function noted(title, text, yes) {
    $("judge-title").textContent = title;
    $("judge-text").textContent = text;
    $("judge-yes").textContent = yes;
    $("judge-note").value = "";
    const dialog = $("judge");
    dialog.showModal();
    $("judge-note").focus();
    return new Promise((resolve) => {
      const done = (answer) => { dialog.close(); resolve(answer); };
      $("judge-yes").onclick = () => done($("judge-note").value.trim());
      $("judge-no").onclick = () => done(null);
      dialog.oncancel = () => resolve(null);
    });
  }
  function confirmed(title, text, yes, danger) {
    $("confirm-title").textContent = title;
    $("confirm-text").textContent = text;
    $("confirm-yes").textContent = yes;
    $("confirm-yes").className = danger ? "danger solid" : "primary";
    const dialog = $("confirm");
    dialog.showModal();
    return new Promise((resolve) => {
      const done = (answer) => { dialog.close(); resolve(answer); };
      $("confirm-yes").onclick = () => done(true);
      $("confirm-no").onclick = () => done(false);
      dialog.oncancel = () => resolve(false);
    });
  }
  async function tell(method, path, body) {
    try {
      toast((await ask(method, path, body)).message || "Done");
      setTimeout(poll, 700);
      setTimeout(poll, 1500);
    } catch (error) {
      toast("Not done: " + error.message);
    }
  }
  const operates = () => data.role === "operator";

  /* Actions in words. */
  function place(record) {
    const at = record.place || {};
    return at.route_name || at.route ? " on route " + (at.route_name || at.route)
      : at.service_name || at.service ? " on service " + (at.service_name || at.service) : " on the whole node";
  }
  function deed(record) {
    const whom = record.clients && record.clients.length
      ? " " + (record.clients.length > 3 ? plural(record.clients.length, "client") : record.clients.join(", ")) : "";
    return (VERBS[record.action] || record.action) + whom + place(record);
  }
  /* Why, unless it is what an approved action once waited for. */
  const why = (record) => record.why && (record.state === "pending" || !record.why.startsWith("waits for")) ? record.why : null;
  async function undo(record) {
    const waits = record.state === "pending";
    const yes = await confirmed(waits ? "Decline this action?" : "Undo this action?",
      deed(record) + (waits ? " will not be done." : " is taken back at once. The ledger keeps both."), waits ? "Decline" : "Undo");
    if (yes) tell("POST", "/actions/" + encodeURIComponent(record.id) + "/revert");
  }
  async function approve(record) {
    const yes = await confirmed("Approve this action?", deed(record) + (record.ttl_s ? ", for " + span(record.ttl_s) : "") + ". You can undo it.", "Approve");
    if (yes) tell("POST", "/actions/" + encodeURIComponent(record.id) + "/approve");
  }
  /* What came of it, or what it would touch. */
  function effect(record) {
    const unit = record.clients ? "requests of them in a minute" : ["mass_error", "route_misconfiguration"].includes(record.category) ? "share of failed requests" : "requests in ten seconds";
    if (record.before && record.after) return unit + ": " + number(record.before.harm) + " before, " + number(record.after.harm) + " after";
    return record.state === "pending" || record.state === "dry_run" ? "would touch " + number(100 * record.touches_ratio) + " % of the route's good requests" : null;
  }
  function buttons(record) {
    if (!operates()) return null;
    if (record.state === "pending") {
      return h("div", { class: "buttons" },
        h("button", { type: "button", class: "primary", "data-key": "approve-" + record.id, onclick: () => approve(record) }, "Approve"),
        h("button", { type: "button", class: "quiet", "data-key": "decline-" + record.id, onclick: () => undo(record) }, "Decline"));
    }
    return UNDOABLE[record.state]
      ? h("div", { class: "buttons" }, h("button", { type: "button", "data-key": "undo-" + record.id, onclick: () => undo(record) }, "Undo")) : null;
  }
  const stateChip = (record) => chip(...(STATES[record.state] || [record.state, ""]));
  const changed = (record) => record.changed_s || record.created_s;
  function timing(record) {
    if (UNDOABLE[record.state] && record.expires_s) return ["ends by itself in ", left(record.expires_s)];
    return [ago(changed(record))];
  }
  const actionsOf = (id) => data.actions.filter((record) => record.incident === id);
  const isOpen = (incident) => incident.status !== "resolved";

  /* Top: pills, situation, tiles. */
  function pills() {
    const status = data.status, tested = status.self_test;
    const list = [status.enforcing ? ["enforcing", "green"] : status.error ? ["not inspecting", "red"] : ["monitor only", "amber"]];
    if (status.node && status.node.bypass) list.unshift(["bypass", "red"]);
    if (status.actions && status.actions.killed) list.push(["agent stopped", "red"]);
    if (tested && !tested.passed) list.push(["self-test failed", "red"]);
    draw("pills", list, () => list.map(([text, colour]) => h("span", { class: "pill is-" + colour }, text)));
    const who = data.by + " (" + data.role + ")";
    $("who").textContent = who;
    $("who").title = who;
    const killed = status.actions && status.actions.killed;
    $("kill").hidden = !operates() || !status.actions;
    $("kill").textContent = killed ? "Let the agent act" : "Stop the agent";
    $("kill").className = killed ? "" : "danger";
  }
  function rates() {
    const samples = data.traffic || [], last = samples[samples.length - 1], from = samples[Math.max(0, samples.length - 6)];
    if (!last || last === from) return null;
    const seconds = Math.max(1, last[0] - from[0]), per = (i) => Math.max(0, last[i] - from[i]) / seconds;
    return { all: per(1), refused: per(3) + per(4) };
  }
  function recently() {
    const samples = data.traffic || [], last = samples[samples.length - 1], from = samples[0];
    return last ? { all: last[1] - from[1], refused: last[3] + last[4] - from[3] - from[4] } : { all: 0, refused: 0 };
  }
  const RANK = { critical: 4, high: 3, medium: 2, low: 1 };
  const worstFirst = (a, b) => RANK[b.severity] - RANK[a.severity] || b.updated_s - a.updated_s;
  function situation() {
    const status = data.status, node = status.node || {}, open = (data.incidents || []).filter(isOpen).sort(worstFirst);
    const refuses = status.enforcing ? "refused" : "would have been refused";
    let colour = "", big, more;
    if (status.error) {
      [colour, big, more] = ["red", "Requests are not inspected", status.error];
    } else if (node.bypass) {
      [colour, big, more] = ["red", "Bypass: traffic flows uninspected", "Workers died inside the engine. It ends with `kong restart` and a mended library."];
    } else if (status.self_test && !status.self_test.passed) {
      [colour, big, more] = ["red", "The self-test failed", status.self_test.error];
    } else if (open.length) {
      const acts = actionsOf(open[0].id), standing = acts.filter((r) => UNDOABLE[r.state]), pending = acts.filter((r) => r.state === "pending");
      colour = RANK[open[0].severity] > 2 ? "red" : "amber";
      big = open[0].title;
      more = (open.length > 1 ? "The worst of " + open.length + " open incidents. " : "")
        + (standing.length ? "Done about it: " + standing.map(deed).join("; ") + "." : pending.length ? "An action waits for you below."
          : status.enforcing ? "Suspected clients are slowed down; no further action stands." : "Monitor mode: nothing is refused.");
    } else {
      const recent = recently();
      big = "All quiet";
      more = "No open incident. " + (recent.all ? plural(recent.all, "request") + " in the last minutes, " + number(recent.refused) + " " + refuses + "." : "No requests in the last minutes.");
    }
    if (status.warning) more += " " + status.warning;
    const rate = rates(), summary = status.actions || {};
    const tiles = [
      [rate ? number(rate.all) + "/s" : "–", "requests", false],
      [rate ? number(rate.refused) + "/s" : "–", status.enforcing ? "refused" : "would be refused", rate && rate.refused >= 1],
      [number(open.length), open.length === 1 ? "open incident" : "open incidents", open.length > 0],
      [number(node.bans), node.bans === 1 ? "standing ban" : "standing bans", false],
    ];
    const worst = !status.error && open[0], deeds = worst ? actionsOf(worst.id).filter((record) => UNDOABLE[record.state]) : [];
    draw("situation", [colour, big, more, tiles, summary, worst && worst.id, deeds, data.role], () => [
      h("div", { class: "word " + colour }, h("p", { class: "big" }, big), h("p", { class: "more" }, more), worst ? h("div", { class: "buttons" },
        h("button", { type: "button", "data-key": "look", onclick: () => { select(worst.id); $("detail").scrollIntoView({ block: "start" }); } }, "See the evidence"),
        operates() && deeds.length === 1 ? h("button", { type: "button", "data-key": "undo-worst", onclick: () => undo(deeds[0]) }, "Undo the action") : null) : null),
      h("div", { class: "tiles" }, tiles.map(([n, l, hot]) => h("div", { class: "tile" + (hot ? " hot" : "") }, h("span", { class: "n" }, n), h("span", { class: "l" }, l)))),
    ]);
  }
  function waiting() {
    const list = (data.actions || []).filter((record) => record.state === "pending");
    $("waiting").hidden = !list.length;
    draw("waiting", [list, data.role], () => [
      h("h2", {}, list.length === 1 ? "One action waits for you" : list.length + " actions wait for you"),
      ...list.map((record) => h("div", { class: "ask" },
        h("p", {}, h("strong", {}, deed(record)), h("span", { class: "soft" }, " because: " + record.title)), buttons(record))),
    ]);
  }

  /* The chart: arrivals a second by verdict, stacked. */
  const LAYERS = [["allow", "passed"], ["tag", "tagged"], ["throttle", "slowed down"], ["block", "blocked"]];
  function series() {
    const points = [], samples = data.traffic || [];
    for (let i = 1; i < samples.length; i++) {
      const [a, b] = [samples[i - 1], samples[i]], seconds = Math.max(1, b[0] - a[0]);
      const per = (k) => Math.max(0, b[k] - a[k]) / seconds;
      const tag = per(2), throttle = per(3), block = per(4);
      points.push({ at: b[0], values: [Math.max(0, per(1) - tag - throttle - block), tag, throttle, block] });
    }
    return points;
  }
  function niceTop(most) {
    const unit = Math.pow(10, Math.floor(Math.log10(Math.max(most, 1))));
    return [1, 2, 4, 5, 8, 10].map((f) => f * unit).find((top) => top >= most) || 10 * unit;
  }
  function chart() {
    draw("chart", [data.traffic, $("chart").clientWidth], () => {
      const points = series();
      if (points.length < 2) return h("p", { class: "empty" }, "The first minutes are being counted.");
      const width = Math.max(320, $("chart").clientWidth), height = $("chart").clientHeight || 168, foot = 18, side = 44;
      const end = points[points.length - 1].at, start = end - 300;
      const top = niceTop(Math.max(...points.map((p) => p.values.reduce((a, b) => a + b, 0))));
      const x = (at) => side + (at - start) / 300 * (width - side), y = (v) => (height - foot) * (1 - v / top) + 4;
      const label = "Requests a second over the last five minutes. Now: " + LAYERS.map(([, name], i) => number(points[points.length - 1].values[i]) + " " + name).join(", ") + ".";
      const svg = s("svg", { viewBox: "0 0 " + width + " " + (height + 4), role: "img", "aria-label": label });
      for (const part of [0, 0.5, 1]) {
        svg.append(s("line", { class: "grid", x1: side, x2: width, y1: y(top * part), y2: y(top * part) }));
        svg.append(s("text", { x: side - 8, y: y(top * part) + 4, "text-anchor": "end" }, number(top * part) + "/s"));
      }
      for (const minute of width < 480 ? [5, 3, 1] : [5, 4, 3, 2, 1]) {
        svg.append(s("text", { x: x(end - minute * 60) + (minute === 5 ? 2 : 0), y: height + 2, "text-anchor": minute === 5 ? "start" : "middle" }, "−" + minute + " min"));
      }
      const base = points.map(() => 0);
      LAYERS.forEach(([name], layer) => {
        const lower = points.map((p, i) => x(p.at).toFixed(1) + "," + y(base[i]).toFixed(1)).reverse();
        points.forEach((p, i) => { base[i] += p.values[layer]; });
        const upper = points.map((p, i) => x(p.at).toFixed(1) + "," + y(base[i]).toFixed(1));
        svg.append(s("polygon", { class: "f-" + name, points: upper.concat(lower).join(" ") }));
      });
      return svg;
    });
    const points = series(), last = points.length ? points[points.length - 1].values : [0, 0, 0, 0];
    draw("legend", last, () => LAYERS.map(([name, words], i) => h("li", {}, h("i", { class: "f-" + name }), words + " ", h("b", {}, number(last[i]) + "/s"))));
  }

  /* Incidents. */
  const shown = () => (data.incidents || []).filter((incident) => showAll || isOpen(incident))
    .sort((a, b) => isOpen(b) - isOpen(a) || (isOpen(a) ? worstFirst(a, b) : b.updated_s - a.updated_s));
  function current() {
    const list = shown(), all = data.incidents || [];
    return all.find((incident) => incident.id === selected) || list[0] || null;
  }
  function select(id, focus) {
    selected = id;
    history.replaceState(null, "", "#incident/" + encodeURIComponent(id));
    render();
    if (focus) [...document.querySelectorAll(".row")].find((row) => row.dataset.key === id)?.focus();
  }
  function incidentRow(incident, chosen) {
    const standing = actionsOf(incident.id).filter((record) => UNDOABLE[record.state]).length;
    return h("li", {}, h("button", {
      type: "button", class: "row " + (isOpen(incident) ? incident.severity : "resolved"), "data-key": incident.id,
      "aria-current": incident === chosen ? "true" : null, onclick: () => select(incident.id),
    }, h("span", { class: "t" }, incident.title), h("span", { class: "m" },
      isOpen(incident) ? chip(incident.severity, SEVERITY[incident.severity]) : chip("resolved", "green"),
      (CATEGORIES[incident.category] || [incident.category])[0], " · ", ago(incident.updated_s),
      standing ? chip(plural(standing, "action") + " in force", "green") : null)));
  }
  function incidents() {
    const list = shown(), chosen = current(), open = (data.incidents || []).filter(isOpen).length;
    $("tab-open").textContent = "Open " + open;
    $("tab-all").textContent = "All " + (data.incidents_total || 0);
    $("tab-open").setAttribute("aria-pressed", String(!showAll));
    $("tab-all").setAttribute("aria-pressed", String(showAll));
    draw("incident-list", [list, chosen && chosen.id, data.actions], () => list.length ? list.map((incident) => incidentRow(incident, chosen))
      : h("li", { class: "empty" }, showAll ? "No incident is known since the gateway started." : "No incident is open."));
    detail(chosen);
  }
  function timeline(incident, acts) {
    const events = [[incident.opened_s, "Opened: first signs of " + (CATEGORIES[incident.category] || [incident.category])[0].toLowerCase()]];
    for (const step of incident.history) events.push([step.wall_s, "Classified as " + (step.category === "none" ? "ordinary traffic" : (CATEGORIES[step.category] || [step.category])[0].toLowerCase()) + " (" + step.stage + "), score " + number(step.score)]);
    for (const record of acts) {
      events.push([record.created_s, "Planned: " + deed(record)]);
      if (record.applied_s) events.push([record.applied_s, "Done: " + deed(record) + (record.approved_by ? ", approved by " + record.approved_by : "")]);
      if (!UNDOABLE[record.state] && record.state !== "pending" && record.changed_s) events.push([record.changed_s, deed(record) + ": " + (STATES[record.state] || [record.state])[0]]);
    }
    if (incident.feedback) events.push([incident.feedback.at_s, incident.feedback.by + " called it " + (incident.feedback.verdict === "attack" ? "an attack" : "a false alarm")]);
    if (incident.resolved_s) events.push([incident.resolved_s, "Resolved: nothing more of it was seen"]);
    return events.sort((a, b) => a[0] - b[0]);
  }
  function deeds(acts) {
    if (!acts.length) {
      return h("p", { class: "soft" }, data.status.enforcing ? "No action was taken. Suspected clients are slowed down on this route for ten minutes." : "Nothing: in monitor mode the plugin watches only.");
    }
    return h("div", { class: "done" }, acts.map((record) => h("div", { class: "deed" }, h("div", {},
      h("strong", {}, deed(record)), " ", stateChip(record), record.result ? [" ", chip(record.result === "improved" ? "it helped" : record.result === "unknown" ? "effect unknown" : "effect: " + record.result, record.result === "improved" ? "green" : "amber")] : null,
      h("span", { class: "soft" }, timing(record), why(record) ? " · " + why(record) : "", effect(record) ? " · " + effect(record) : "", " · policy " + record.policy)), buttons(record))));
  }
  function fact(name, value) {
    return h("div", {}, h("dt", {}, name), h("dd", {}, value));
  }
  /* What operators say of an incident. */
  async function judge(incident, verdict) {
    const wrong = verdict === "false_alarm";
    const note = await noted(wrong ? "A false alarm?" : "An attack?", wrong
      ? "What was done about it is taken back. Evidence like this counts for less on this route for 30 days, down to half at most."
      : "Evidence like this counts for more on this route for 30 days.", wrong ? "False alarm" : "Attack");
    if (note !== null) tell("POST", "/incidents/" + encodeURIComponent(incident.id) + "/feedback", { verdict, note: note || undefined });
  }
  function judgement(incident) {
    const said = incident.feedback, learned = incident.learned;
    return h("div", { class: "deed" }, h("div", {},
      said ? [h("strong", {}, said.by), " called it ", chip(said.verdict === "attack" ? "an attack" : "a false alarm", said.verdict === "attack" ? "green" : "amber"), said.note ? h("span", { class: "soft" }, said.note) : ""]
        : h("strong", {}, "Nobody has said yet"),
      h("span", { class: "soft" }, said ? [ago(said.at_s), " · "] : "", learned && learned.confirmed + learned.false_alarms
        ? "evidence like this on this route: " + number(learned.confirmed) + " confirmed, " + plural(learned.false_alarms, "false alarm") + ", so confidence counts × " + learned.trust.toFixed(2) : "Your word trains: false alarms count for less here.")),
    operates() ? h("div", { class: "buttons" },
      h("button", { type: "button", "data-key": "attack-" + incident.id, onclick: () => judge(incident, "attack") }, "It was an attack"),
      h("button", { type: "button", class: "quiet", "data-key": "false-" + incident.id, onclick: () => judge(incident, "false_alarm") }, "False alarm")) : null);
  }
  /* What a language model made of an incident. */
  function opinion(incident) {
    const said = incident.opinion;
    if (!said) return null;
    const ordinary = said.category === "none", percent = Math.round(said.probability * 100) + " %";
    return [h("h3", {}, "A language model's opinion"), h("div", { class: "deed" }, h("div", {},
      h("strong", {}, ordinary ? "Ordinary traffic" : (CATEGORIES[said.category] || [said.category])[0]), " ", chip("probability " + percent, ordinary ? "amber" : "green"),
      h("span", { class: "soft" }, [said.explanation, said.recommendation, said.model ? "(" + said.model + ")" : ""].filter(Boolean).join(" "))))];
  }
  function detail(incident) {
    const acts = incident ? actionsOf(incident.id) : [];
    draw("detail", [incident, acts, data.role, data.status.enforcing], () => {
      if (!incident) return [h("h2", {}, "Nothing to look at"), h("p", { class: "empty" }, "Incidents appear here with their cause, what was done, and how to undo it.")];
      const words = CATEGORIES[incident.category] || [incident.category, ""], banned = new Set(acts.filter((r) => UNDOABLE[r.state]).flatMap((r) => r.clients || []));
      return [
        h("div", { class: "meta" }, isOpen(incident) ? chip(incident.severity, SEVERITY[incident.severity]) : chip("resolved", "green"), chip(words[0]),
          h("span", { class: "soft" }, "opened ", ago(incident.opened_s), " · "), h("code", {}, incident.id)),
        h("p", { class: "title" }, incident.title), h("p", { class: "soft" }, words[1]),
        h("h3", {}, "Why it was raised"), h("ul", { class: "reasons" }, incident.reasons.map((reason) => h("li", {}, reason)),
          incident.suspect_change ? h("li", {}, "Suspected change: " + incident.suspect_change) : null),
        opinion(incident),
        h("h3", {}, "What was done"), deeds(acts),
        h("h3", { id: "feedback" }, "Was it right?"), judgement(incident),
        h("h3", {}, "How much"), h("dl", { class: "facts" }, fact("Requests", number(incident.requests)), fact(data.status.enforcing ? "Refused" : "Would be refused", number(incident.refused)),
          fact("Clients", number(incident.clients)), incident.accounts ? fact("Accounts", number(incident.accounts)) : null, fact("Score", number(incident.score)), fact("Confidence", Math.round(incident.confidence * 100) + " %")),
        h("div", { class: "cols" },
          h("div", {}, h("h3", {}, "Clients that stand out"), incident.top_clients.length ? h("ul", { class: "bars" }, incident.top_clients.map((top) => h("li", {},
            h("span", { class: "name mono" }, top.client), banned.has(top.client) ? chip("banned", "green") : chip("suspicion: " + top.suspicion, top.suspicion === "high" ? "red" : "amber"),
            h("span", { class: "sub" }, plural(top.signals, "signal"))))) : h("p", { class: "soft" }, "No single client carries it.")),
          h("div", {}, h("h3", {}, "Timeline"), h("ol", { class: "line" }, timeline(incident, acts).map(([at, text]) => h("li", {}, clock(at), h("span", {}, text)))))),
        incident.sample_references.length ? [h("h3", {}, "References that clients were given"), h("p", {}, incident.sample_references.map((reference) => [h("code", {}, reference), " "]))] : null,
      ].flat();
    });
  }

  /* The rest. */
  const share = (ratio) => (ratio > 0 && ratio < 0.001 ? "<0.1" : number(100 * ratio)) + " %";
  const pace = (perSecond) => (perSecond > 0 && perSecond < 0.05 ? "<0.1" : number(perSecond)) + "/s";
  /* What is usual at this hour, and whether now is far from it. */
  function usual(route) {
    const is = route.usual;
    if (!is) return "nothing is learned here yet";
    return "now " + pace(route.requests / 60) + ", usual " + pace(is.per_s) + "; errors " + share(route.errors / Math.max(1, route.requests)) + ", usual " + share(is.error_ratio)
      + (is.is_mature ? "" : " (learning: " + span(is.learned_s) + " of 10 min)");
  }
  /* What else is usual: methods, sizes, and what changed for good. */
  function profile(route) {
    const is = route.usual, parts = [];
    if (!is) return null;
    if (is.methods) parts.push(Object.entries(is.methods).sort((a, b) => b[1] - a[1]).slice(0, 3).map(([method, ratio]) => method + " " + share(ratio)).join(", "));
    if (is.response_bytes) parts.push("answers " + bytes(is.response_bytes.p50) + ", 99 % up to " + bytes(is.response_bytes.p99));
    if (is.request_bytes && is.request_bytes.p99) parts.push("bodies up to " + bytes(is.request_bytes.p99));
    if (is.client_limit) parts.push("suggested limit " + number(is.client_limit) + " in 10 s for each client");
    return parts.length ? h("span", { class: "sub" }, "usual: " + parts.join(" · ")) : null;
  }
  const changes = (route) => (route.usual && route.usual.drifts || []).slice(0, 2).map((one) => h("span", { class: "sub" }, "changed for good, told ", ago(one.at_s), ": " + one.what + " from " + number(one.from) + " to " + number(one.to)));
  function against(route) {
    const is = route.usual;
    if (!is || !is.is_mature) return null;
    const times = route.requests / 60 / Math.max(is.per_s, 0.1), failing = route.errors / Math.max(1, route.requests) > 2 * is.error_ratio + 0.05;
    return failing ? chip("more errors than usual", "red") : times >= 3 && route.requests >= 60 ? chip(number(times) + " × usual", "amber") : null;
  }
  const table = (caption, names, rows) => h("table", { "aria-label": caption }, h("thead", {}, h("tr", {}, names.map((name, i) => h("th", { scope: "col", class: i ? "num" : null }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, i) => i ? h("td", { class: "num" }, cell) : h("th", { scope: "row" }, cell))))));
  function precision() {
    draw("precision", data.precision, () => {
      const found = data.precision;
      if (!found || !found.categories.length) return h("p", { class: "empty" }, "Nobody has said yet. Call an incident an attack or a false alarm above: false alarms count for less on that route.");
      const row = (name) => (one) => [name(one), number(one.confirmed), number(one.false_alarms), chip(share(one.precision), one.precision >= 0.9 ? "green" : one.precision >= 0.5 ? "amber" : "red")];
      return [table("Precision by category", ["Category", "Attacks", "False alarms", "Precision"], found.categories.map(row((one) => (CATEGORIES[one.name] || [one.name])[0]))),
        h("h3", {}, "By evidence"), table("Precision by evidence", ["Evidence", "Attacks", "False alarms", "Precision"], found.rules.slice(0, 10).map(row((one) => one.name)))];
    });
  }
  function dryRun() {
    const found = data.dry_run, show = Boolean(found && (found.refused || !data.status.enforcing));
    $("dry-run-panel").hidden = !show;
    if (!show) return;
    draw("dry-run", found, () => {
      if (!found.refused) return h("p", { class: "empty" }, "Nothing of what came since the start.");
      const row = (name) => (one) => [name(one), number(one.refused), one.went_well ? chip(number(one.went_well) + " (" + share(one.went_well / one.refused) + ")", "amber") : "0"];
      return [h("p", { class: "soft" }, plural(found.refused, "request") + ", of which the upstream answered " + number(found.went_well) + " well: look at these in the log before you enforce."),
        table("Would be refused, by category", ["Category", "Requests", "Answered well"], found.categories.map(row((one) => (CATEGORIES[one.name] || [one.name])[0]))),
        h("h3", {}, "By rule"), table("Would be refused, by rule", ["Rule", "Requests", "Answered well"], found.rules.slice(0, 12).map(row((one) => h("code", {}, one.name))))];
    });
  }
  function routes() {
    draw("routes", data.routes, () => {
      const list = data.routes || [], most = Math.max(1, ...list.map((route) => route.requests));
      if (!list.length) return h("p", { class: "empty" }, "No requests in the last minute.");
      return h("ul", { class: "bars" }, list.map((route) => {
        const bad = route.errors + route.not_found + route.refused_logins + route.answered_here, part = (n) => Math.max(0, n / most * 100) + "%";
        const bar = h("div", { class: "bar" }, h("i", { class: "f-allow" }), h("i", { class: "f-throttle" }), h("i", { class: "f-block" }));
        const failed = route.errors + route.not_found + route.refused_logins;
        bar.children[0].style.width = part(route.requests - Math.min(route.requests, bad));
        bar.children[1].style.width = part(Math.min(failed, route.requests));
        bar.children[2].style.width = part(Math.min(route.answered_here, route.requests));
        const sub = [route.answered_here && number(route.answered_here) + " answered by the gateway", route.refused_logins && number(route.refused_logins) + " failed logins", route.not_found && number(route.not_found) + " not found", route.errors && plural(route.errors, "error")].filter(Boolean);
        return h("li", {}, h("span", { class: "name" }, route.name || route.id, " ", against(route)), h("b", {}, number(route.requests)), bar, sub.length ? h("span", { class: "sub" }, sub.join(" · ")) : null,
          h("span", { class: "sub" }, usual(route)), profile(route), changes(route));
      }));
    });
  }
  async function ban(client, minutes, reason) {
    if (await confirmed("Ban " + client + "?", "Every request of it is refused on the whole node for " + plural(minutes, "minute") + (data.status.enforcing ? "." : ", once an instance enforces: now all are in monitor mode.") + " You can lift it.", "Ban", true)) {
      tell("POST", "/bans", { client, ttl_s: minutes * 60, reason: reason || "no reason given" });
    }
  }
  async function lift(client) {
    if (await confirmed("Lift the bans of " + client + "?", "Its requests pass again, on every route.", "Lift")) tell("DELETE", "/bans/" + encodeURIComponent(client));
  }
  function clients() {
    draw("clients", [data.clients, data.bans, data.role], () => {
      const list = data.clients || [], banned = new Set(((data.bans || {}).data || []).map((entry) => entry.client));
      if (!list.length) return h("p", { class: "empty" }, "No open incident names a client.");
      return h("ul", { class: "bars" }, list.map((client) => h("li", {}, h("span", { class: "name mono" }, client.client),
        !operates() ? chip(banned.has(client.client) ? "banned" : client.suspicion, "") : banned.has(client.client)
          ? h("button", { type: "button", class: "quiet", "data-key": "lift-" + client.client, "aria-label": "Lift ban of " + client.client, onclick: () => lift(client.client) }, "Lift ban")
          : h("button", { type: "button", class: "danger", "data-key": "ban-" + client.client, "aria-label": "Ban " + client.client, onclick: () => ban(client.client, 10, "named by an incident") }, "Ban"),
        h("span", { class: "sub" }, "suspicion " + client.suspicion + " · " + plural(client.signals, "signal") + " · " + plural(client.requests, "request") + " in the last minute"))));
    });
  }
  function bans() {
    const standing = data.bans || { data: [], standing: 0 };
    $("ban-form").hidden = !operates();
    $("bans-note").textContent = plural(standing.standing, "stands", "stand") + ", of which " + number(standing.data.length) + " by name";
    draw("bans", [standing, data.role], () => standing.data.length ? h("ul", { class: "bars" }, standing.data.map((entry) => h("li", {},
      h("span", { class: "name mono" }, entry.client),
      operates() ? h("button", { type: "button", class: "quiet", "data-key": "unban-" + entry.action + entry.client, "aria-label": "Lift the bans of " + entry.client, onclick: () => lift(entry.client) }, "Lift") : null,
      h("span", { class: "sub" }, entry.scope === "global" ? "whole node" : "on " + entry.scope + " " + (entry.route_name || ""), entry.expires_s ? [" · for ", left(entry.expires_s)] : "", " · " + entry.why))))
      : h("p", { class: "empty" }, "None was made by the agent or by hand. Rules and limits keep hashes only."));
  }
  function actions() {
    draw("actions", [data.actions, data.role], () => {
      const list = [...data.actions || []].sort((a, b) => changed(b) - changed(a)).slice(0, 25);
      if (!list.length) return h("p", { class: "empty" }, "Nothing was done yet.");
      /* The roles are what it is where a narrow window has it as a list of cards. */
      const row = (tag, role, cells) => h("tr", { role: "row" }, cells.map((cell) => h(tag, { role, scope: tag === "th" ? "col" : null }, cell)));
      return h("table", { role: "table", class: "cards" }, h("thead", { role: "rowgroup" }, row("th", "columnheader", ["When", "What", "State", "Why", "Undo"])),
        h("tbody", { role: "rowgroup" }, list.map((record) => row("td", "cell", [ago(changed(record)), deed(record), stateChip(record),
          record.title + (why(record) ? " (" + why(record) + ")" : ""), buttons(record)]))));
    });
  }
  const FOUND = { orphaned: "Leads nowhere", shadowed: "Never matches", unauthenticated: "Without authentication" };
  function review() {
    const found = data.review;
    $("review-panel").hidden = !(found && found.total);
    draw("review", found, () => found && [h("div", { class: "checks" }, found.data.map((one) =>
      h("div", { class: "check warn" }, h("b", {}, FOUND[one.kind] || one.kind), h("span", {}, one.reason)))),
    found.total > found.data.length && h("p", { class: "soft" }, "and " + number(found.total - found.data.length) + " more: /review has them all.")]);
  }
  /* Shadows are not in the API's document; zombies are deprecated there, or routes that nobody asks for. */
  function operations() {
    const found = data.operations;
    $("operations-panel").hidden = !found;
    const what = (one) => one.kind === "shadow" ? "Not in the API's document" : one.operation ? "Deprecated, and in use" : "Nobody asks for it";
    draw("operations", found, () => found && [h("div", { class: "checks" }, found.data.map((one) => h("div", { class: "check warn" }, h("b", {}, what(one)),
      h("span", {}, one.operation ? [h("code", {}, one.operation), " on"] : "All of", " route " + one.route_name + "; last asked for ", ago(one.last_s), ", first ", ago(one.first_s))))),
    found.total > found.data.length && h("p", { class: "soft" }, "and " + number(found.total - found.data.length) + " more: /review has them all.")]);
  }
  function health() {
    const status = data.status, node = status.node;
    draw("health", [status, data.node_id], () => {
      const check = (name, text, bad) => h("div", { class: "check" + (bad ? " " + bad : "") }, h("b", {}, name), h("span", {}, text));
      if (!node) return check("The engine is not there", status.error || "unknown", "bad");
      const full = node.live_keys / Math.max(1, node.capacity_keys), tested = status.self_test || {}, inspected = status.inspection || {}, known = status.baselines || {};
      return h("div", { class: "checks" },
        check(status.enforcing ? "Enforcing" : "Not enforcing", status.enforcing ? "Refusals are carried out." : "No instance of this worker is in enforce mode: everything is computed, nothing refused.", status.enforcing ? "" : "warn"),
        check("Self-test", tested.passed ? plural(tested.workers, "worker") + " refused the start-up attack" : tested.error, tested.passed ? "" : "bad"),
        check("Workers", plural(node.workers, "worker") + (node.shared ? " count as one" : ", each counts alone") + (node.recent_deaths ? ", " + plural(node.recent_deaths, "recent death") : ""), node.shared && !node.recent_deaths ? "" : "warn"),
        check("Region", number(node.live_keys) + " of " + number(node.capacity_keys) + " keys (" + number(full * 100) + " %), " + bytes(node.region_bytes), full > 0.9 ? "warn" : ""),
        check("Not inspected", (inspected.whole_ratio === undefined ? "" : share(inspected.whole_ratio) + " of requests were inspected whole; ") + plural(node.uninspected_requests, "request") + " in part, " + bytes(node.uninspected_bytes)
          + (inspected.uninspected ? ": " + Object.entries(inspected.uninspected).sort((a, b) => b[1] - a[1]).map(([reason, n]) => reason.replaceAll("_", " ") + " " + number(n)).join(", ") : "") + ". The log tells why, for each.", node.uninspected_bytes > 0 ? "warn" : ""),
        check("Baselines", known.routes ? plural(known.routes, "route") + " and " + plural(known.consumers, "consumer") + " learned, " + number(known.mature_routes) + " routes long enough to act on" + (known.drifts ? "; " + plural(known.drifts, "change") + " of what is normal within 30 days: /baselines tells which" : "") : "nothing is learned yet: only coarse limits hold", known.routes ? "" : "warn"),
        check("Panics", node.panics ? number(node.panics) + " were caught: see the error log" : "none", node.panics ? "bad" : ""),
        check("Since the start", number(node.requests) + " requests: " + number(node.blocked) + " blocked, " + number(node.throttled) + " slowed down, " + number(node.tagged) + " tagged" + (status.enforcing ? "" : " (or would have been)")),
        check("Node", data.node_id + ", version " + status.version));
    });
  }
  function render() {
    if (!data) return;
    pills(); situation(); waiting(); chart();
    if (data.incidents) { incidents(); routes(); clients(); bans(); actions(); precision(); dryRun(); review(); operations(); }
    health(); tick(); scrollToFeedback();
    const open = (data.incidents || []).filter(isOpen).length;
    document.title = (open ? "(" + open + ") " : "") + "threat-agent";
    document.documentElement.dataset.ready = "true";
  }

  let asking = false;
  async function poll() {
    if (asking || document.hidden) return;
    asking = true;
    try {
      data = await ask("GET", "/overview");
      clockSkew = Date.now() / 1000 - data.now_s;
      lastAnswer = Date.now();
      failure = null;
      render();
    } catch (error) {
      failure = error.message === "Failed to fetch" ? "no connection" : error.message;
      tick();
    }
    asking = false;
  }

  /* What people do. */
  /* Links in messages: #incident/<id> shows it, #feedback/<id> asks for a word on it as well. */
  let toJudge = null;
  const fromHash = () => {
    const found = /^#(incident|feedback)\/(.+)$/.exec(location.hash);
    if (!found) return;
    [selected, showAll, toJudge] = [decodeURIComponent(found[2]), true, found[1] === "feedback"];
    render();
  };
  function scrollToFeedback() {
    if (!toJudge || !$("feedback")) return;
    toJudge = null;
    $("feedback").scrollIntoView({ block: "center" });
    $("detail").querySelector("[data-key^='attack-']")?.focus();
  }
  $("tab-open").onclick = () => { showAll = false; render(); };
  $("tab-all").onclick = () => { showAll = true; render(); };
  $("help").onclick = () => $("keys").showModal();
  $("keys-close").onclick = () => $("keys").close();
  $("kill").onclick = async () => {
    const killed = data.status.actions.killed;
    const yes = await confirmed(killed ? "Let the agent act again?" : "Stop the agent?",
      killed ? "It plans and acts again from the next incident on." : "All its actions and bans are taken back within seconds, and it does nothing until you let it. Rules, limits and inspection go on.", killed ? "Let it act" : "Stop it", !killed);
    if (yes) tell(killed ? "DELETE" : "POST", "/kill");
  };
  $("ban-form").onsubmit = (event) => {
    event.preventDefault();
    const form = event.target.elements;
    ban(form.client.value.trim(), Number(form.minutes.value), form.reason.value.trim()).then(() => { form.client.value = ""; });
  };
  function step(by) {
    const list = shown(), at = list.indexOf(current());
    const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
    if (next) select(next.id, true);
  }
  const KEYS = {
    j: () => step(1), k: () => step(-1), o: () => { showAll = !showAll; render(); },
    u: () => { const record = current() && actionsOf(current().id).find((r) => UNDOABLE[r.state]); if (record && operates()) undo(record); },
    a: () => { const record = (data.actions || []).find((r) => r.state === "pending"); if (record && operates()) approve(record); },
    f: () => { if (current() && operates()) judge(current(), "false_alarm"); },
    b: () => { if (operates()) $("ban-form").elements.client.focus(); }, "?": () => $("keys").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (!data || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const act = KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  addEventListener("hashchange", fromHash);
  addEventListener("resize", () => { if (data) chart(); });
  document.addEventListener("visibilitychange", poll);
  fromHash();
  poll();
  setInterval(poll, POLL_MS);
  setInterval(tick, 1000);
})();
]==]
