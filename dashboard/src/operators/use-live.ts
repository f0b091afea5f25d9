import { useSyncExternalStore } from "react";
import { type Live, LiveFeed } from "../api/live.js";
import { type LiveFleet, LiveFleetFeed } from "../api/live-fleet.js";

const feed = new LiveFeed();

/** What happens at the coordinator, as long as a page looks. */
export const useLive = (): Live => useSyncExternalStore(feed.subscribe, feed.snapshot);

const fleetFeed = new LiveFleetFeed();

/** How machines change, as long as a page looks. */
export const useLiveFleet = (): LiveFleet => useSyncExternalStore(fleetFeed.subscribe, fleetFeed.snapshot);
