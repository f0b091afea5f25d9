// Loaded into each program that `npm start` runs (node --import). The programs live in process groups of their own, so
// when `npm start` itself is killed outright, only the closing of this channel tells them to stop.
if (process.channel) {
  process.channel.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}
