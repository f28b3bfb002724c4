// The status port's page while it is open: shows what the server renders anew, and counts down in
// between; without it the page says the same. Built in as page.css is.
const el = id => document.getElementById(id);
// As words_duration.
const words = s => {
  const u = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  let i = 0;
  while (i < 3 && s < u[i][0]) i++;
  const rest = i < 3 ? Math.floor(s % u[i][0] / u[i + 1][0]) : 0;
  return Math.floor(s / u[i][0]) + ' ' + u[i][1] + (rest ? ' ' + rest + ' ' + u[i + 1][1] : '');
};
const load = async () => {
  try {
    const r = await fetch(location.href, {cache: 'no-store', signal: AbortSignal.timeout(9000)});
    const d = new DOMParser().parseFromString(await r.text(), 'text/html');
    if (!d.getElementById('state')) throw r;
// Only what is new is put in, so that a screen reader tells of a state once.
    for (const o of document.querySelectorAll('[id]')) {
      const n = d.getElementById(o.id).innerHTML;
      if (o.innerHTML != n) o.innerHTML = n;
    }
    document.title = d.title;
    document.body.className = d.body.className;
    el('lost').hidden = true;
  } catch (e) {
    el('lost').hidden = false;
  }
  setTimeout(load, 5000);
};
setTimeout(load, 5000);
setInterval(() => {
  const o = document.querySelector('[data-left]'), s = o && o.dataset.left;
  if (!(s > 0)) return;
  o.dataset.left = s - 1;
  for (const e of [el('head'), o])
    e.textContent = e.textContent.replace(words(s), words(s - 1));
}, 1000);
