const POLL_MS = 250;
/** Taken at the very start: the shell may end while the set-up still runs. */
const SHELL = process.ppid;

/**
 * Ends this process (by its ordinary SIGTERM handling) when the npm that runs it is told to stop.
 *
 * npm runs a script through `sh -c` and passes signals to that shell only. Many shells then end without a word to
 * their child, which would leave a server behind for whoever stops `npm start` with a signal instead of Ctrl-C.
 */
export function followNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === SHELL) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, POLL_MS);
  timer.unref();
}
