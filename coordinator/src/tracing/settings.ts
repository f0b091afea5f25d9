/** Where traces go. */
export interface TracingSettings {
  /** Takes OTLP over HTTP. */
  readonly url: string;
  readonly serviceName: string;
  /** Of the requests whose callers do not say, those that are traced: 0 to 1. */
  readonly ratio: number;
}
