-- The dashboard's style: light and dark, narrow and wide.

return [==[
:root {
  --bg: #f4f6f9; --panel: #ffffff; --sunk: #eef1f6; --line: #d9dfe8; --text: #141c27; --soft: #4d5a6b;
  --blue: #1a63d8; --green: #137a4b; --amber: #8f5600; --red: #c02636; --violet: #6a40c9;
  --green-bg: #e2f5ea; --amber-bg: #fdf0d8; --red-bg: #fde6e8; --blue-bg: #e4eefd; --violet-bg: #efe8fd;
  --fill-allow: #9db8e3; --fill-tag: #a48bdc; --fill-throttle: #e3a13a; --fill-block: #d94454;
  --shadow: 0 1px 2px rgb(20 28 39 / .06), 0 4px 14px rgb(20 28 39 / .05);
  color-scheme: light;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0a0e14; --panel: #121922; --sunk: #0d131b; --line: #263140; --text: #e8eef6; --soft: #9fadbf;
    --blue: #6cabff; --green: #4cd495; --amber: #f4b953; --red: #ff8089; --violet: #b79bff;
    --green-bg: #10291f; --amber-bg: #2e2412; --red-bg: #331820; --blue-bg: #14243c; --violet-bg: #221b3a;
    --fill-allow: #46699f; --fill-tag: #7a5fc4; --fill-throttle: #d69530; --fill-block: #f0525f;
    --shadow: 0 1px 2px rgb(0 0 0 / .4);
    color-scheme: dark;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; padding: 0; }
ul, ol { list-style: none; }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .9em; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 6px; }
.skip { position: absolute; left: -999px; top: 0; background: var(--panel); padding: 8px 14px; z-index: 9; color: var(--blue); }
.skip:focus { left: 8px; top: 8px; }
.top { position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; justify-content: space-between; padding: 10px 24px; background: var(--panel); border-bottom: 1px solid var(--line); }
.brand, .tools, .pills { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 10px; }
h1 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
.shield { fill: var(--blue); } .pulse { fill: none; stroke: var(--panel); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
main { max-width: 1440px; margin: 0 auto; padding: 20px 24px 8px; display: grid; gap: 16px; }
footer { max-width: 1440px; margin: 0 auto; padding: 8px 24px 28px; color: var(--soft); font-size: 13px; }
.live { display: inline-flex; align-items: center; gap: 7px; color: var(--soft); font-size: 13px; }
.live .dot { width: 8px; height: 8px; border-radius: 50%; background: var(--green); }
.live.lost { color: var(--red); font-weight: 600; } .live.lost .dot { background: var(--red); }
.who { color: var(--soft); font-size: 13px; max-width: 22em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pill, .chip { display: inline-block; border-radius: 99px; padding: 1px 10px; font-size: 12.5px; font-weight: 600; white-space: nowrap; background: var(--sunk); color: var(--soft); }
.chip { border-radius: 6px; padding: 0 7px; font-size: 12px; }
.is-green { background: var(--green-bg); color: var(--green); } .is-amber { background: var(--amber-bg); color: var(--amber); }
.is-red { background: var(--red-bg); color: var(--red); } .is-blue { background: var(--blue-bg); color: var(--blue); }
.is-violet { background: var(--violet-bg); color: var(--violet); }
button { font: inherit; font-size: 13.5px; font-weight: 600; color: var(--blue); background: var(--blue-bg); border: 1px solid transparent; border-radius: 8px; padding: 4px 12px; min-height: 30px; cursor: pointer; white-space: nowrap; }
button:hover { border-color: currentColor; } button:disabled { opacity: .55; cursor: progress; }
button.primary { background: var(--blue); color: var(--panel); } button.danger { color: var(--red); background: var(--red-bg); }
button.danger.solid { color: var(--panel); background: var(--red); } button.quiet { color: var(--soft); background: transparent; border-color: var(--line); }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); padding: 16px 18px; min-width: 0; }
.head { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; justify-content: space-between; margin-bottom: 10px; }
h2 { font-size: 14.5px; font-weight: 650; } h3 { font-size: 12.5px; font-weight: 650; color: var(--soft); margin: 18px 0 8px; }
.note, .soft { color: var(--soft); font-size: 13px; font-weight: 400; } .empty { color: var(--soft); padding: 10px 0; }

.situation { display: grid; grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr); gap: 16px; }
.word { border-radius: 14px; padding: 20px 24px; border: 1px solid var(--line); border-left: 6px solid var(--green); background: var(--panel); box-shadow: var(--shadow); min-width: 0; }
.word.red { border-left-color: var(--red); } .word.amber { border-left-color: var(--amber); }
.word .big { font-size: clamp(20px, 2.4vw, 27px); line-height: 1.25; font-weight: 680; letter-spacing: -.02em; overflow-wrap: anywhere; }
.word .buttons { margin-top: 12px; } .word .more { margin-top: 6px; color: var(--soft); overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 14px; padding: 10px 16px; box-shadow: var(--shadow); }
.tile .n { display: block; font-size: 24px; line-height: 1.25; font-weight: 680; letter-spacing: -.02em; } .tile .l { color: var(--soft); font-size: 13px; }
.tile.hot .n { color: var(--red); }

.waiting { background: var(--violet-bg); border: 1px solid var(--violet); border-radius: 14px; padding: 14px 18px; display: grid; gap: 10px; }
.waiting h2 { color: var(--violet); }
.ask { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; justify-content: space-between; }
.ask p { overflow-wrap: anywhere; } .buttons { display: flex; flex-wrap: wrap; gap: 8px; }

.chart { height: 168px; } .chart svg { width: 100%; height: 100%; display: block; overflow: visible; }
.chart .grid { stroke: var(--line); stroke-width: 1; } .chart text { fill: var(--soft); font-size: 11px; }
.f-allow { fill: var(--fill-allow); background: var(--fill-allow); } .f-tag { fill: var(--fill-tag); background: var(--fill-tag); }
.f-throttle { fill: var(--fill-throttle); background: var(--fill-throttle); } .f-block { fill: var(--fill-block); background: var(--fill-block); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); } .legend b { color: var(--text); font-weight: 650; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }

.stack { display: grid; gap: 16px; min-width: 0; }
.split { display: grid; grid-template-columns: minmax(300px, 5fr) minmax(0, 8fr); gap: 16px; align-items: start; }
.tabs { display: flex; background: var(--sunk); border-radius: 9px; padding: 2px; }
.tabs button { background: transparent; color: var(--soft); min-height: 26px; padding: 1px 12px; } .tabs button[aria-pressed="true"] { background: var(--panel); color: var(--text); box-shadow: var(--shadow); }
.list ul { display: grid; gap: 6px; margin: 0 -8px; max-height: 660px; overflow-y: auto; padding: 2px; }
.row { white-space: normal; display: block; width: 100%; text-align: left; background: transparent; color: var(--text); font-weight: 400; border: 1px solid transparent; border-left: 4px solid var(--line); border-radius: 8px; padding: 9px 12px; line-height: 1.4; }
.row:hover { background: var(--sunk); border-color: transparent; border-left-color: var(--line); } .row[aria-current="true"] { background: var(--blue-bg); }
.row .t { display: block; font-weight: 600; font-size: 14px; overflow-wrap: anywhere; } .row .m { display: flex; flex-wrap: wrap; gap: 3px 8px; align-items: center; margin-top: 4px; color: var(--soft); font-size: 12.5px; }
.row.critical, .row.high { border-left-color: var(--red); } .row.medium { border-left-color: var(--amber); } .row.low { border-left-color: var(--blue); } .row.resolved { border-left-color: var(--green); } .row.resolved .t { font-weight: 500; }
.row.critical:hover, .row.high:hover { border-left-color: var(--red); } .row.medium:hover { border-left-color: var(--amber); }

.detail .title { font-size: 18px; line-height: 1.35; font-weight: 680; letter-spacing: -.01em; margin: 8px 0 4px; overflow-wrap: anywhere; }
.detail .meta { display: flex; flex-wrap: wrap; gap: 5px 8px; align-items: center; }
.reasons li { position: relative; padding-left: 18px; margin: 3px 0; overflow-wrap: anywhere; } .reasons li::before { content: ""; position: absolute; left: 3px; top: .62em; width: 6px; height: 6px; border-radius: 50%; background: var(--amber); }
.done { display: grid; gap: 8px; } .deed { border: 1px solid var(--line); border-radius: 10px; padding: 11px 14px; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; justify-content: space-between; background: var(--sunk); }
.deed > div:first-child { min-width: 0; flex: 1 1 240px; } .deed strong { font-weight: 650; overflow-wrap: anywhere; } .deed .soft { display: block; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 8px; } .facts div { background: var(--sunk); border-radius: 10px; padding: 7px 12px; }
.facts dt { color: var(--soft); font-size: 12.5px; } .facts dd { font-weight: 650; font-size: 16px; overflow-wrap: anywhere; }
.cols { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 0 28px; }
.line { display: grid; grid-template-columns: 74px minmax(0, 1fr); gap: 4px 12px; font-size: 13.5px; } .line time { color: var(--soft); } .line li { display: contents; } .line span { overflow-wrap: anywhere; }
.bars li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 12px; padding: 6px 0; align-items: center; } .bars .name { overflow-wrap: anywhere; font-weight: 550; }
.bars .sub { grid-column: 1 / -1; color: var(--soft); font-size: 12.5px; } .bar { grid-column: 1 / -1; height: 5px; border-radius: 3px; background: var(--sunk); overflow: hidden; margin: 3px 0 1px; display: flex; } .bar i { display: block; height: 100%; }
.ban-form { display: grid; grid-template-columns: minmax(0, 3fr) 84px minmax(0, 4fr) auto; gap: 8px 10px; margin-top: 12px; padding-top: 12px; border-top: 1px solid var(--line); align-items: end; }
.ban-form label { color: var(--soft); font-size: 12.5px; display: grid; gap: 2px; } .ban-form input { font: inherit; font-size: 14px; color: var(--text); background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; padding: 4px 9px; width: 100%; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; min-width: 720px; font-size: 13.5px; } th { text-align: left; color: var(--soft); font-weight: 600; font-size: 12.5px; } th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; } tr:last-child td { border-bottom: 0; } td { overflow-wrap: anywhere; min-width: 74px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 16px; align-items: start; } .pair table { min-width: 0; } .pair th[scope="row"] { color: var(--text); font-weight: 500; overflow-wrap: anywhere; } td.num, th.num { text-align: right; padding-right: 0; padding-left: 10px; min-width: 0; }
tr:last-child th[scope="row"] { border-bottom: 0; }
.checks { display: grid; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); gap: 10px; } .check { background: var(--sunk); border-radius: 10px; padding: 9px 13px; border-left: 4px solid var(--green); overflow-wrap: anywhere; } .check.bad { border-left-color: var(--red); } .check.warn { border-left-color: var(--amber); } .check b { display: block; font-size: 13.5px; font-weight: 650; } .check span { color: var(--soft); font-size: 13px; }
.toasts { position: fixed; right: 18px; bottom: 18px; display: grid; gap: 8px; z-index: 8; max-width: min(420px, calc(100vw - 36px)); } .toast { background: var(--text); color: var(--bg); border-radius: 10px; padding: 10px 15px; font-size: 14px; overflow-wrap: anywhere; }
dialog { border: 1px solid var(--line); border-radius: 16px; background: var(--panel); color: var(--text); padding: 22px 24px; max-width: min(480px, calc(100vw - 32px)); box-shadow: 0 20px 60px rgb(0 0 0 / .3); } dialog::backdrop { background: rgb(8 12 18 / .55); } dialog h2 { font-size: 18px; } dialog p { color: var(--soft); margin: 8px 0 18px; overflow-wrap: anywhere; } dialog .buttons { justify-content: flex-end; }
.note-field { display: grid; gap: 4px; color: var(--soft); font-size: 13px; margin: 0 0 16px; } textarea { font: inherit; font-size: 14px; color: var(--text); background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; width: 100%; resize: vertical; }
.keys { display: grid; grid-template-columns: auto 1fr; gap: 8px 18px; margin: 14px 0 18px; } kbd { font: inherit; font-size: 13px; font-weight: 650; background: var(--sunk); border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 6px; padding: 0 7px; }
.noscript { padding: 24px; }
@media (max-width: 1080px) { .situation, .split { grid-template-columns: minmax(0, 1fr); } .stack { display: contents; } #detail { order: 2; } .third { order: 3; } .fourth { order: 4; } .fifth { order: 5; } .list ul { max-height: 340px; } .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
@media (max-width: 640px) { main { padding: 12px 12px 4px; gap: 12px; } .top { padding: 10px 12px; position: static; } .who { display: none; } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .panel, .word { padding: 14px; } .ban-form { grid-template-columns: minmax(0, 1fr) 84px; } .checks { grid-template-columns: repeat(2, minmax(0, 1fr)); } .chart { height: 128px; } }
@media (max-width: 640px) { .cards, .cards tbody { display: block; min-width: 0; } .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); } .cards tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 12px; padding: 10px 0; border-bottom: 1px solid var(--line); } .cards tbody tr:last-child { border-bottom: 0; } .cards td { border: 0; padding: 0; grid-column: 1 / -1; } .cards td:nth-child(2) { font-weight: 600; } .cards td:nth-child(1) { order: -2; grid-column: 1; color: var(--soft); } .cards td:nth-child(3) { order: -1; grid-column: 2; text-align: right; } .cards td:empty { display: none; } }
@media (prefers-reduced-motion: no-preference) { .live:not(.lost) .dot { animation: breathe 2s ease-in-out infinite; } @keyframes breathe { 50% { opacity: .35; } } }
]==]
