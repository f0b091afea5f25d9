import { LAUNCHD_LABEL, type ServiceDefinition, STOP_TIMEOUT_S } from "./service-definition.js";

/** 0077. */
const UMASK = 63;

/**
 * The user agent: launchd.plist(5). launchd knows no exit codes that forbid a restart, so the agent supervises itself,
 * and launchd only starts it at log-in and after a crash of the supervisor.
 */
export function launchdPlist({ command, environment, logPath }: ServiceDefinition): string {
  const words = command.map((word) => `    <string>${escapeXml(word)}</string>\n`);
  const variables = Object.entries(environment).map(
    ([name, value]) => `    <key>${escapeXml(name)}</key>\n    <string>${escapeXml(value)}</string>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LAUNCHD_LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${words.join("")}  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join("")}  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>Crashed</key>
    <true/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>${STOP_TIMEOUT_S}</integer>
  <key>Nice</key>
  <integer>5</integer>
  <key>LowPriorityIO</key>
  <true/>
  <key>Umask</key>
  <integer>${UMASK}</integer>
  <key>StandardOutPath</key>
  <string>${escapeXml(logPath)}</string>
  <key>StandardErrorPath</key>
  <string>${escapeXml(logPath)}</string>
</dict>
</plist>
`;
}

/** XML 1.0 has no way to say most control characters: they are left out. */
function escapeXml(text: string): string {
  const said = [...text].filter((char) => char >= " " || char === "\n" || char === "\t").join("");
  return said.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
