// Looks at the status port's page in headless Chromium, through the DevTools protocol on a pipe:
// nothing but node, Chromium and axe-core's one file is needed.
//
//   node page.js AXE FOLDER look STATE URL [STATE URL]...
//   node page.js AXE FOLDER watch URL FROM TO PID CHANGE-URL...
//
// look: the page in each state, on a phone and a desktop, light and dark, with script and without;
// screenshots go to FOLDER. watch: the page stays open while the CHANGE-URLs are fetched, which take
// the state FROM to TO, and while the proxy PID is ended. Each finding is a line "ok WHAT" or
// "not ok WHAT"; the exit code is 0 when all was looked at.
'use strict';
const {spawn} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const http = require('http');
const https = require('https');

const [axePath, folder, mode, ...rest] = process.argv.slice(2);
const axe = fs.readFileSync(axePath, 'utf8');
const sizes = {phone: [360, 740, true], desktop: [1280, 900, false]};
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'page-browser-'));
const browser = spawn('chromium', [
  '--headless', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--no-first-run',
  '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
  '--disable-extensions', '--hide-scrollbars', '--user-data-dir=' + profile, 'about:blank'
], {stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env: {...process.env, HOME: profile}});

function tell(pass, what) {
  console.log((pass ? 'ok ' : 'not ok ') + String(what).replace(/\s+/g, ' '));
}

let says = '';
browser.stderr.on('data', d => { says += d; });

// Ends with the browser, which is then waited for: it writes to its profile to the last.
function end(code) {
  if (code) console.error(says.slice(-2000));
  browser.removeAllListeners('exit');
  browser.on('exit', () => {
    fs.rmSync(profile, {recursive: true, force: true, maxRetries: 20});
    process.exit(code);
  });
  if (code || browser.exitCode !== null) browser.kill('SIGKILL');
  else call('Browser.close').catch(() => {});
}
browser.on('error', e => { console.error(e.message); process.exit(1); });
browser.on('exit', () => { console.error(says); process.exit(1); });
process.on('SIGTERM', () => end(1));
process.on('unhandledRejection', e => { console.error(e); end(1); });

// ---- the protocol: messages that end with a NUL; answers by number, events by session

let number = 0, unread = Buffer.alloc(0);
const waiting = new Map(), pages = new Map();

browser.stdio[4].on('data', data => {
  unread = Buffer.concat([unread, data]);
  for (let at; (at = unread.indexOf(0)) >= 0; unread = unread.subarray(at + 1)) {
    const m = JSON.parse(unread.subarray(0, at).toString());
    if (m.id) {
      const {resolve, reject} = waiting.get(m.id);
      waiting.delete(m.id);
      if (m.error) reject(new Error(JSON.stringify(m.error)));
      else resolve(m.result);
    } else if (pages.has(m.sessionId)) {
      pages.get(m.sessionId).saw(m.method, m.params);
    }
  }
});

function call(method, params = {}, sessionId) {
  return new Promise((resolve, reject) => {
    waiting.set(++number, {resolve, reject});
    browser.stdio[3].write(JSON.stringify({id: number, method, params, sessionId}) + '\0');
  });
}

class Page {
  // A fresh tab in which nothing is loaded.
  static async open([width, height, mobile], dark, script) {
    const page = new Page();
    page.faults = [];
    page.loaded = false;
    const {targetId} = await call('Target.createTarget', {url: 'about:blank'});
    page.target = targetId;
    page.session = (await call('Target.attachToTarget', {targetId, flatten: true})).sessionId;
    pages.set(page.session, page);
    for (const domain of ['Page', 'Runtime', 'Log', 'Audits', 'DOM']) await page.do(domain + '.enable');
    await page.do('Emulation.setDeviceMetricsOverride',
                  {width, height, mobile, deviceScaleFactor: mobile ? 2 : 1});
    await page.do('Emulation.setEmulatedMedia',
                  {features: [{name: 'prefers-color-scheme', value: dark ? 'dark' : 'light'}]});
    if (!script) await page.do('Emulation.setScriptExecutionDisabled', {value: true});
    return page;
  }
  do(method, params) {
    return call(method, params, this.session);
  }
  saw(method, p) {
    if (method == 'Page.loadEventFired') this.loaded = true;
    if (method == 'Runtime.exceptionThrown')
      this.faults.push(p.exceptionDetails.exception?.description || p.exceptionDetails.text);
    if (method == 'Runtime.consoleAPICalled' && /error|warning|assert/.test(p.type))
      this.faults.push(p.args.map(a => a.value).join(' '));
    if (method == 'Log.entryAdded' && /error|warning/.test(p.entry.level))
      this.faults.push(`${p.entry.source}: ${p.entry.text} ${p.entry.url || ''}`);
    if (method == 'Audits.issueAdded' && /ContentSecurityPolicy/.test(p.issue.code))
      this.faults.push(JSON.stringify(p.issue));
  }
  async go(url) {
    this.loaded = false;
    const {errorText} = await this.do('Page.navigate', {url});
    if (errorText) throw new Error(url + ': ' + errorText);
    await until(20, () => this.loaded);
  }
  async eval(expression) {
    const r = await this.do('Runtime.evaluate', {expression, awaitPromise: true, returnByValue: true});
    if (r.exceptionDetails)
      throw new Error(r.exceptionDetails.exception?.description || r.exceptionDetails.text);
    return r.result.value;
  }
  // The document as the browser has it, without help of script.
  async html() {
    const {root} = await this.do('DOM.getDocument', {depth: 0});
    return (await this.do('DOM.getOuterHTML', {nodeId: root.nodeId})).outerHTML;
  }
  async shoot(name) {
    const {data} = await this.do('Page.captureScreenshot', {captureBeyondViewport: true});
    fs.writeFileSync(path.join(folder, name + '.png'), Buffer.from(data, 'base64'));
  }
  async close() {
    pages.delete(this.session);
    await call('Target.closeTarget', {targetId: this.target});
  }
}

const pause = ms => new Promise(r => setTimeout(r, ms));

// Whether it came true within so many seconds.
async function until(seconds, condition) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition()))
    if (Date.now() > deadline) return false;
    else await pause(50);
  return true;
}

const get = url => new Promise((resolve, reject) => {
  (url.startsWith('https') ? https : http).get(url, {rejectUnauthorized: false}, r => { r.resume(); r.on('end', resolve); }).on('error', reject);
});

// Of the whole page: a phone's innerWidth grows with what sticks out.
const width = 'document.scrollingElement.scrollWidth';
const shown = 'document.getElementById("state").textContent';

async function look(state, url) {
  for (const [size, metrics] of Object.entries(sizes)) {
    for (const dark of [false, true]) {
      const name = `${state}-${size}-${dark ? 'dark' : 'light'}`;
      const page = await Page.open(metrics, dark, true);
      await page.go(url);
      tell(await page.eval(shown) == state, name + ': the state is told');
      tell((await page.eval('document.title')).startsWith(state), name + ': in the title, too');
      tell(await page.eval(width) <= metrics[0], name + ': nothing sticks out');
      await page.eval(axe);
      const found = await page.eval(
          'axe.run().then(r => [r.passes.length, ...r.violations.map(v => v.id + ": " + v.help + " " + ' +
          'v.nodes.map(n => n.html + n.failureSummary).join("; "))])');
      tell(found.length == 1 && found[0] > 10,
           `${name}: axe-core's rules are kept (${found[0]}) ${found.slice(1).join(' | ')}`);
      await page.shoot(name);
      if (size == 'phone') {
        await page.do('Emulation.setDeviceMetricsOverride',
                      {width: 320, height: 640, mobile: true, deviceScaleFactor: 1});
        tell(await page.eval(width) <= 320, name + ': nor at 320 pixels');
      }
      tell(page.faults.length == 0, `${name}: no error and nothing refused ${page.faults.join(' | ')}`);
      await page.close();
    }
  }
  const page = await Page.open(sizes.desktop, false, false);
  await page.go(url);
  const html = await page.html();
  tell(new RegExp(`role="status">${state}</p>`).test(html), state + ': told without script, too');
  tell(/<noscript><meta http-equiv="refresh"/.test(html), state + ': and refreshed');
  await page.shoot(state + '-noscript');
  await page.close();
}

async function watch(url, from, to, pid, ...changes) {
  const page = await Page.open(sizes.desktop, false, true);
  await page.go(url);
  await page.eval('document.mark = 1; window.told = []; new MutationObserver(() => told.push(' + shown +
                  ')).observe(document.getElementById("state"), {childList: true, characterData: true})');
  tell(await page.eval(shown) == from, 'open in ' + from);
  const left = 'document.querySelector("[data-left]")?.textContent';
  const before = await page.eval(left);
  tell(await until(20, async () => await page.eval(left) != before), 'it counts down');
  tell((await page.eval('document.getElementById("head").textContent')).includes(await page.eval(left)),
       'the headline, too');
  for (const change of changes) await get(change);
  tell(await until(40, async () => await page.eval(shown) == to), 'open, it follows to ' + to);
  tell((await page.eval('document.title')).startsWith(to), 'with its title');
  tell(await page.eval('document.mark') === 1, 'without being loaded anew');
  tell((await page.eval('told.join()')) == to, 'a screen reader is told of the state once');
  tell(page.faults.length == 0, 'no error and nothing refused ' + page.faults.join(' | '));
  tell(await page.eval('document.getElementById("lost").hidden'), 'it has contact');
  process.kill(Number(pid), 'SIGTERM');
  tell(await until(40, () => page.eval('!document.getElementById("lost").hidden')),
       'when the proxy is gone, it says that what it shows is old');
  await page.shoot('lost');
  await page.close();
}

(async () => {
  fs.mkdirSync(folder, {recursive: true});
  if (mode == 'watch') await watch(...rest);
  else for (let i = 0; i < rest.length; i += 2) await look(rest[i], rest[i + 1]);
  end(0);
})();
