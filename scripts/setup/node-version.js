// Imported before anything else, and written so that even an old Node can parse it and say what is wrong.
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Hearth needs Node.js 20.19 or newer, and this is ${process.versions.node}. Get it at https://nodejs.org.`,
  );
  process.exit(1);
}
