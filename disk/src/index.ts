export { describeDiskFault, diskFaultCode } from "./disk-fault.js";
export { LogFile } from "./log-file.js";
export { stdoutDescriptor } from "./stdout-descriptor.js";
export { DiskError, requireUsableDirectory } from "./usable-directory.js";
export { writeWhole } from "./write-whole.js";
