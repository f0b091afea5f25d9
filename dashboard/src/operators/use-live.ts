import { useSyncExternalStore } from "react";
import { type Live, LiveFeed } from "../api/live.js";

const feed = new LiveFeed();

/** What happens at the coordinator, as long as a page looks. */
export const useLive = (): Live => useSyncExternalStore(feed.subscribe, feed.snapshot);
