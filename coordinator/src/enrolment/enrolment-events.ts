/** What is counted. */
export const ENROLMENT_EVENTS = [
  "device_requested",
  "device_refused",
  "device_approved",
  "device_denied",
  "user_code_unknown",
  "sign_in_refused",
  "guesses_blocked",
  "tokens_created",
  "token_refused",
  "token_revoked",
  "machine_enrolled",
  "machine_replaced",
  "machine_revoked",
  "machine_moved",
] as const;
export type EnrolmentEvent = (typeof ENROLMENT_EVENTS)[number];
