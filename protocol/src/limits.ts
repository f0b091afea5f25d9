/** Limits of one provider connection. Both sides enforce them; `docs/protocol.md` explains each. */
export const LIMITS = {
  /** Bytes a provider may send before it is registered. */
  preRegistrationBytes: 64 * 1024,
  /** A provider must register within this time, ms. */
  registrationTimeoutMs: 5_000,
  /** Bytes of a signed blob. */
  blobBytes: 8 * 1024,
  /** Certificates of an attestation at most, and bytes of each. */
  certificates: 5,
  certificateBytes: 4 * 1024,
  /** A challenge is answered within this time, ms: at registration, or the connection closes; later, or it is missed. */
  challengeTimeoutMs: 10_000,
  /** How often a registered machine is challenged, ms. */
  challengeIntervalMs: 300_000,
  /** Challenges missed in a row that take a machine out of service. */
  missedChallenges: 3,
  /** How long a proof counts, ms. */
  proofLifetimeMs: 960_000,
  /** How often an agent changes its encryption key, ms. */
  keyRotationMs: 600_000,
  /** Bytes of one WebSocket message after registration, either kind. */
  frameBytes: 1024 * 1024,
  /** Plaintext bytes of one sealed request chunk; a larger body travels in several. */
  requestChunkBytes: 256 * 1024,
  /** Plaintext bytes of one sealed response chunk. */
  responseChunkBytes: 64 * 1024,
  /** Plaintext bytes of a backend's error body that travel with an `error` frame. */
  errorBodyBytes: 16 * 1024,
  /** Bytes of a consumer's request body. */
  requestBodyBytes: 16 * 1024 * 1024,
  /** Plaintext bytes of a request body as a provider gets it: translated and repaired, it may be the larger one. */
  forwardedBodyBytes: 32 * 1024 * 1024,
  /** Plaintext bytes of a response that is one JSON body instead of events. */
  responseBodyBytes: 16 * 1024 * 1024,
  /** Bytes of one of a backend's events; one that is larger than a frame is cut. */
  responseEventBytes: 16 * 1024 * 1024,
  /** How often an agent tells that the same counter of a stream has moved, ms. */
  workingIntervalMs: 1_000,
  /** Plaintext response bytes an agent may send on a stream beyond what the coordinator has granted. */
  initialCreditBytes: 256 * 1024,
  /** Who sends nothing for so long is pinged, ms; after two such intervals without even a pong the connection ends. */
  pingIntervalMs: 15_000,
  missedPongs: 2,
  /** Heartbeat interval that the coordinator asks for in `registered`, ms. */
  heartbeatIntervalMs: 5_000,
  /** Between two times that a machine is told what it has earned. */
  earningsIntervalMs: 60_000,
  /** Socket backlog over which no further request is dispatched to that provider, bytes. */
  backlogStopsDispatchBytes: 1024 * 1024,
  /** Socket backlog over which the connection is closed, bytes. */
  backlogClosesBytes: 4 * 1024 * 1024,
  /** Models one provider may advertise. */
  modelsPerProvider: 256,
  /** Sealing contexts that an agent holds for one connection; the one that was used least recently makes room. */
  contextsPerConnection: 256,
  /** Streams open at once on one connection. */
  streamsPerConnection: 1024,
  /**
   * Control frames of a kind that a provider may send a minute, all at once if need be. An agent tells of a change at
   * once and then waits, so that it stays far below.
   */
  heartbeatsPerMinute: 600,
  modelsUpdatesPerMinute: 30,
  keyUpdatesPerMinute: 24,
  challengeResponsesPerMinute: 12,
  /** One a second on each stream that a connection may have at once, and some more. */
  workingPerMinute: 65_000,
  /** `drain`, and frames of a type that the coordinator does not know. */
  otherFramesPerMinute: 60,
  /** One for each stream that completes: 500 a second. */
  receiptsPerMinute: 30_000,
  /** Receipts that share one signature, hashes that a batch of as many needs for each, and bytes of what is signed. */
  receiptsPerBatch: 1_024,
  receiptProofHashes: 10,
  receiptBatchBytes: 512,
  /** How long after `complete` a receipt may come, ms, and of how many streams it is waited for. */
  receiptWaitMs: 30_000,
  receiptsAwaited: 4_096,
} as const;
