import type { CertificateExtension } from "./certificate.js";
import { DER_TAG, DerError, readOnly, readSmallInteger } from "./der.js";
import { type AppleRejected, rejected } from "./rejection.js";

/**
 * Object identifiers of what Apple states about a device, under 1.2.840.113635.100.8: those of Apple's documentation of
 * `DevicePropertiesAttestation` (Device Management, `DeviceInformationResponse.QueryResponses`).
 */
export const APPLE_OID = {
  serial: "1.2.840.113635.100.8.9.1",
  udid: "1.2.840.113635.100.8.9.2",
  softwareUpdateDeviceId: "1.2.840.113635.100.8.9.4",
  osVersion: "1.2.840.113635.100.8.10.1",
  sepOsVersion: "1.2.840.113635.100.8.10.2",
  llbVersion: "1.2.840.113635.100.8.10.3",
  freshness: "1.2.840.113635.100.8.11.1",
  sip: "1.2.840.113635.100.8.13.1",
  secureBoot: "1.2.840.113635.100.8.13.2",
  kextsAllowed: "1.2.840.113635.100.8.13.3",
} as const;

/** The three texts that Apple documents for 13.2. */
const SECURE_BOOT = {
  "Full Security": "full",
  "Reduced Security": "reduced",
  "Permissive Security": "permissive",
} as const;

export type AppleSecureBoot = (typeof SECURE_BOOT)[keyof typeof SECURE_BOOT];

/** What Apple's servers vouch for. A property that Apple could not verify is left out or blank, and absent here. */
export interface AppleDeviceProperties {
  readonly serial: string;
  readonly udid?: string;
  readonly osVersion?: string;
  readonly sepOsVersion?: string;
  readonly llbVersion?: string;
  readonly freshness: Uint8Array;
  /** System Integrity Protection is on. */
  readonly sip?: boolean;
  readonly secureBoot?: AppleSecureBoot;
  /** Kernel extensions of some third parties may be loaded. */
  readonly kextsAllowed?: boolean;
}

export type PropertiesReading = { readonly type: "read"; readonly properties: AppleDeviceProperties } | AppleRejected;

/** Characters of a text at most; UDIDs have 25 or 40, versions about 20. */
const TEXT = /^[\x20-\x7e]{1,128}$/;

/**
 * Reads the statements from the device's own certificate.
 *
 * The extension's OCTET STRING holds texts and the freshness code bare, without a DER string around them (so reads
 * smallstep/certificates `acme/challenge.go`, which real devices enrol with), and SIP and kernel extensions as a
 * DER INTEGER (so Layr-Labs/d-inference `coordinator/attestation/mda.go` found them in certificates of live Macs). No
 * other form is taken.
 */
export function readDeviceProperties(extensions: ReadonlyMap<string, CertificateExtension>): PropertiesReading {
  try {
    const serial = readText(extensions, "serial");
    if (serial === undefined)
      return rejected("serial_missing", "Apple names no serial number, as for user enrolments.");
    const freshness = contentOf(extensions, "freshness");
    if (freshness === undefined) return rejected("freshness_missing", "The certificate holds no freshness code.");
    const sip = readInteger(extensions, "sip");
    if (sip !== undefined && sip !== 0 && sip !== 1) throw new DerError("sip");
    const kexts = readInteger(extensions, "kextsAllowed");
    const properties: AppleDeviceProperties = {
      serial,
      freshness,
      ...present("udid", readText(extensions, "udid")),
      ...present("osVersion", readText(extensions, "osVersion")),
      ...present("sepOsVersion", readText(extensions, "sepOsVersion")),
      ...present("llbVersion", readText(extensions, "llbVersion")),
      ...present("secureBoot", readSecureBoot(extensions)),
      // Apple: 0 indicates enabled, 1 indicates disabled.
      ...present("sip", sip === undefined ? undefined : sip === 0),
      // Apple: 0 = none are allowed, any other value = some kinds are.
      ...present("kextsAllowed", kexts === undefined ? undefined : kexts !== 0),
    };
    return { type: "read", properties };
  } catch (error) {
    if (error instanceof DerError) return rejected("bad_property", error.message);
    throw error;
  }
}

type Extensions = ReadonlyMap<string, CertificateExtension>;

function present<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

/** A blank value is none: Apple leaves blank what it could not verify. */
function contentOf(extensions: Extensions, name: keyof typeof APPLE_OID): Uint8Array | undefined {
  const value = extensions.get(APPLE_OID[name])?.value;
  return value === undefined || value.length === 0 ? undefined : value;
}

function readText(extensions: Extensions, name: keyof typeof APPLE_OID): string | undefined {
  const value = contentOf(extensions, name);
  if (value === undefined) return undefined;
  const text = Buffer.from(value).toString("latin1");
  if (!TEXT.test(text)) throw new DerError(`${name} is no text`);
  return text;
}

function readInteger(extensions: Extensions, name: keyof typeof APPLE_OID): number | undefined {
  const value = contentOf(extensions, name);
  return value === undefined ? undefined : readSmallInteger(readOnly(value, DER_TAG.integer));
}

function readSecureBoot(extensions: Extensions): AppleSecureBoot | undefined {
  const text = readText(extensions, "secureBoot");
  if (text === undefined) return undefined;
  if (!Object.hasOwn(SECURE_BOOT, text)) throw new DerError("secureBoot is none of the three");
  return SECURE_BOOT[text as keyof typeof SECURE_BOOT];
}
