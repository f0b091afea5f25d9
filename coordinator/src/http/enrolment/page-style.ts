/** The page's own style; there is no script, and nothing is fetched from anywhere. */
export const STYLE = `
:root{color-scheme:light dark;--ground:#f6f5f2;--card:#fff;--text:#1d1c1a;--quiet:#5c5a55;--line:#d9d6cf;--field:#8b887f;
--accent:#9a3412;--on-accent:#fff;--warn:#fdf0dc;--warn-text:#6b3d05;--bad:#fbe4e1;--bad-text:#8a1f11;--good:#e2f2e5;--good-text:#17552a;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media (prefers-color-scheme:dark){:root{--ground:#171614;--card:#211f1d;--text:#ecebe7;--quiet:#aaa79f;--line:#3b3935;--field:#8a867d;
--accent:#f0996b;--on-accent:#2a1206;--warn:#3a2b12;--warn-text:#f4d49a;--bad:#42201b;--bad-text:#f6b8ae;--good:#193522;--good-text:#a9dfb7}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--ground);color:var(--text);display:flex;flex-direction:column;align-items:center;padding:2rem 1rem}
header,main,footer{width:100%;max-width:30rem}
header{display:flex;justify-content:space-between;align-items:center;gap:1rem;margin-bottom:1rem;color:var(--quiet)}
header strong{color:var(--text);letter-spacing:.02em}
main{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.75rem}
footer{margin-top:1rem;color:var(--quiet);font-size:.875rem}
h1{font-size:1.375rem;line-height:1.3;margin:0 0 .5rem;text-wrap:balance}
p{margin:.5rem 0 1rem}
main>:last-child{margin-bottom:0}
.quiet{color:var(--quiet);font-size:.9375rem}
label{display:block;font-weight:600;margin:1rem 0 .25rem}
input{width:100%;font:inherit;color:inherit;background:transparent;border:1px solid var(--field);border-radius:.5rem;padding:.625rem .75rem}
.code input,.code-shown{font:600 1.5rem/1.3 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.12em;text-align:center}
.code input{text-transform:uppercase}
.code-shown{margin:.25rem 0 1rem;padding:.5rem;border:1px dashed var(--field);border-radius:.5rem}
button{font:inherit;font-weight:600;border-radius:.5rem;border:1px solid var(--accent);padding:.625rem 1.25rem;cursor:pointer;min-height:2.75rem}
.primary{background:var(--accent);color:var(--on-accent)}
.secondary{background:transparent;color:var(--text);border-color:var(--field)}
.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}
.actions>*{flex:1}
.plain{background:none;border:0;color:var(--quiet);font-weight:400;text-decoration:underline;padding:.25rem;min-height:0}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.375rem 1rem;margin:1rem 0;padding:1rem 0;border:solid var(--line);border-width:1px 0}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere}
.mono{font:.9375rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.note{border-radius:.5rem;padding:.75rem 1rem;margin:0 0 1rem}
.bad{background:var(--bad);color:var(--bad-text)}
.warn{background:var(--warn);color:var(--warn-text)}
.good{background:var(--good);color:var(--good-text)}
a{color:var(--accent)}
`;
