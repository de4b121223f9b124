-- The dashboard: one page that loads nothing else. Script and style run by a nonce; what the page
-- shows is written by the script as text, never as markup.

local script = require "kong.plugins.threat-agent-dashboard.script"
local style = require "kong.plugins.threat-agent-dashboard.style"


local CSP = "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; img-src data:; "
            .. "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            .. "require-trusted-types-for 'script'; trusted-types 'none'"

local PAGE = [==[<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>threat-agent</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath fill='%232f81f7' d='M12 1 3 5v6c0 5.5 3.8 10.6 9 12 5.2-1.4 9-6.5 9-12V5z'/%3E%3C/svg%3E">
<style nonce="{{nonce}}">{{style}}</style>
</head>
<body>
<a class="skip" href="#incidents">Skip to the incidents</a>
<header class="top">
  <div class="brand">
    <svg viewBox="0 0 24 24" width="26" height="26" aria-hidden="true"><path class="shield" d="M12 1 3 5v6c0 5.5 3.8 10.6 9 12 5.2-1.4 9-6.5 9-12V5z"/><path class="pulse" d="M6 12.5h3l1.6-4 2.8 7.5 1.8-3.5H18"/></svg>
    <h1>threat-agent</h1>
    <span id="pills" class="pills"></span>
  </div>
  <div class="tools">
    <span id="live" class="live" role="status"><span class="dot"></span><span id="live-text">connecting</span></span>
    <span id="who" class="who"></span>
    <button id="help" type="button" class="quiet" aria-label="Keyboard shortcuts" title="Keyboard shortcuts">?</button>
    <button id="kill" type="button" class="danger" hidden>Stop the agent</button>
  </div>
</header>
<main>
  <section id="situation" class="situation" aria-label="Situation" aria-live="polite"></section>
  <section id="waiting" class="waiting" aria-label="Waiting for your decision" hidden></section>
  <section class="panel traffic" aria-labelledby="traffic-title">
    <div class="head"><h2 id="traffic-title">Traffic, last 5 minutes</h2><ul id="legend" class="legend"></ul></div>
    <div id="chart" class="chart"></div>
  </section>
  <div class="split">
    <div class="stack">
      <section id="incidents" class="panel list" aria-labelledby="incidents-title" tabindex="-1">
        <div class="head"><h2 id="incidents-title">Incidents</h2>
          <div class="tabs" role="group" aria-label="Which incidents">
            <button type="button" id="tab-open" aria-pressed="true">Open</button>
            <button type="button" id="tab-all" aria-pressed="false">All</button>
          </div>
        </div>
        <ul id="incident-list"></ul>
      </section>
      <section class="panel third" aria-labelledby="clients-title"><div class="head"><h2 id="clients-title">Suspected clients</h2><span class="note">of open incidents</span></div><div id="clients"></div></section>
      <section class="panel fifth" aria-labelledby="routes-title"><div class="head"><h2 id="routes-title">Busiest routes</h2><span class="note">last minute, against what is usual</span></div><div id="routes"></div></section>
    </div>
    <div class="stack">
      <section id="detail" class="panel detail" aria-label="The selected incident"></section>
      <section class="panel fourth" aria-labelledby="bans-title"><div class="head"><h2 id="bans-title">Bans</h2><span id="bans-note" class="note"></span></div><div id="bans"></div>
        <form id="ban-form" class="ban-form" hidden>
          <label class="whom">Address or consumer<input name="client" required autocomplete="off" spellcheck="false"></label>
          <label>Minutes<input name="minutes" type="number" min="1" max="43200" value="10" required></label>
          <label class="reason">Reason<input name="reason" maxlength="256" autocomplete="off"></label>
          <button type="submit">Ban</button>
        </form>
      </section>
    </div>
  </div>
  <section class="panel" aria-labelledby="actions-title">
    <div class="head"><h2 id="actions-title">Actions</h2><span class="note">what the agent and operators did, the latest first</span></div>
    <div id="actions" class="scroll" tabindex="0" role="region" aria-label="Actions, a table that may scroll"></div>
  </section>
  <div class="pair">
    <section class="panel" aria-labelledby="precision-title">
      <div class="head"><h2 id="precision-title">How often it was right</h2><span class="note">what operators said, 30 days</span></div>
      <div id="precision" class="scroll" tabindex="0" role="region" aria-label="Precision, a table that may scroll"></div>
    </section>
    <section id="dry-run-panel" class="panel" aria-labelledby="dry-run-title" hidden>
      <div class="head"><h2 id="dry-run-title">Enforcing would refuse</h2><span class="note">since the start</span></div>
      <div id="dry-run" class="scroll" tabindex="0" role="region" aria-label="What enforcing would refuse, a table that may scroll"></div>
    </section>
  </div>
  <section id="review-panel" class="panel" aria-labelledby="review-title" hidden>
    <div class="head"><h2 id="review-title">Found in the configuration</h2><span class="note">routes, services and upstreams that are probably not meant so</span></div>
    <div id="review"></div>
  </section>
  <section id="operations-panel" class="panel" aria-labelledby="operations-title" hidden>
    <div class="head"><h2 id="operations-title">Operations that stand out</h2><span class="note">in use and not in the API's document or deprecated there, or asked for by nobody</span></div>
    <div id="operations"></div>
  </section>
  <section class="panel" aria-labelledby="health-title">
    <div class="head"><h2 id="health-title">Health, and what is not inspected</h2></div>
    <div id="health"></div>
  </section>
</main>
<footer>threat-agent {{version}}</footer>
<div id="toasts" class="toasts" role="status"></div>
<dialog id="confirm" aria-labelledby="confirm-title">
  <h2 id="confirm-title"></h2>
  <p id="confirm-text"></p>
  <div class="buttons"><button type="button" id="confirm-no" class="quiet">Cancel</button><button type="button" id="confirm-yes"></button></div>
</dialog>
<dialog id="judge" aria-labelledby="judge-title">
  <h2 id="judge-title"></h2>
  <p id="judge-text"></p>
  <label class="note-field">Why (kept with the incident; no secrets)<textarea id="judge-note" rows="3" maxlength="512" spellcheck="true"></textarea></label>
  <div class="buttons"><button type="button" id="judge-no" class="quiet">Cancel</button><button type="button" id="judge-yes" class="primary"></button></div>
</dialog>
<dialog id="keys" aria-labelledby="keys-title">
  <h2 id="keys-title">Keyboard</h2>
  <dl class="keys">
    <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous incident</dd>
    <dt><kbd>u</kbd></dt><dd>undo what was done about it</dd>
    <dt><kbd>a</kbd></dt><dd>approve what waits</dd>
    <dt><kbd>b</kbd></dt><dd>ban a client</dd>
    <dt><kbd>f</kbd></dt><dd>call the incident a false alarm</dd>
    <dt><kbd>o</kbd></dt><dd>open incidents, or all</dd>
    <dt><kbd>?</kbd></dt><dd>this help</dd>
  </dl>
  <div class="buttons"><button type="button" id="keys-close">Close</button></div>
</dialog>
<noscript><p class="noscript">The dashboard needs JavaScript. The same is at /status, /incidents and /actions below this path, as JSON.</p></noscript>
<script nonce="{{nonce}}">{{script}}</script>
</body>
</html>
]==]


local _M = {}


-- Writes the page. nonce: good for this one answer. Returns the page and its headers.
function _M.render(nonce, version)
  local values = { nonce = nonce, version = version, style = style, script = script }
  local html = PAGE:gsub("{{(%l+)}}", values)
  return html, {
    ["Content-Type"] = "text/html; charset=utf-8",
    ["Content-Security-Policy"] = CSP:format(nonce, nonce),
    ["Cross-Origin-Opener-Policy"] = "same-origin",
    ["X-Frame-Options"] = "DENY",
  }
end


return _M
