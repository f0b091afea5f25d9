export { APPLE_ROOT_FINGERPRINT, type AppleRoot, appleEnterpriseRoot, appleRootOf } from "./apple-root.js";
export type { AppleDeviceProperties } from "./device-properties.js";
export type { AppleRejectionReason } from "./rejection.js";
export {
  type AppleDevice,
  type AppleDeviceChain,
  type AppleDeviceResult,
  appleFreshness,
  isSerialOf,
  verifyAppleDeviceChain,
} from "./verify-device-chain.js";
