import { QueryCache, QueryClient, type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "./errors.js";
import { ask, withQuery } from "./request.js";
import type { List, Session } from "./types.js";

export const SESSION_PATH = "/dashboard/session";

const MOST_TRIES = 3;
/** Most pages of a list that are fetched: 20,000 entries. */
const MOST_PAGES = 20;
const PAGE_SIZE = 1_000;

/** What has been asked and what was answered. A session that has ended anywhere is ended everywhere. */
export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        const isSignedOut = ApiError.from(error).kind === "signed_out";
        // Perhaps it is only that this route knows no such key: who is signed in is for the session's own route to say.
        if (isSignedOut && query.queryKey[0] !== SESSION_PATH)
          void client.invalidateQueries({ queryKey: [SESSION_PATH] });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (failures, error) => failures < MOST_TRIES && isPassing(ApiError.from(error)),
        // It is asked again as long as it is looked at; what is behind another tab can wait.
        refetchOnWindowFocus: true,
      },
    },
  });
  return client;
}

const isPassing = ({ kind }: ApiError): boolean => kind === "busy" || kind === "unreachable";

/** Who is signed in; `null` = nobody. */
export function useSession(): UseQueryResult<Session | null> {
  return useQuery({
    queryKey: [SESSION_PATH],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }): Promise<Session | null> => {
      try {
        return await ask<Session>(SESSION_PATH, { signal });
      } catch (error) {
        if (ApiError.from(error).kind === "signed_out") return null;
        throw error;
      }
    },
  });
}

interface AskedAgain {
  readonly everyMs?: number;
  readonly enabled?: boolean;
}

/** What a route answers, under its own path. */
export function useAnswer<T>(path: string, { everyMs, enabled = true }: AskedAgain = {}): UseQueryResult<T> {
  return useQuery({
    queryKey: [path],
    enabled,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
    queryFn: ({ signal }) => ask<T>(path, { signal }),
  });
}

/** The whole of a list that comes in pages, up to a bound. */
export function useWholeList<T>(path: string, again: AskedAgain = {}): UseQueryResult<readonly T[]> {
  const { everyMs, enabled = true } = again;
  return useQuery({
    queryKey: [path, "whole"],
    enabled,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
    queryFn: async ({ signal }): Promise<readonly T[]> => {
      const all: T[] = [];
      let after: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const separator = path.includes("?") ? "&" : "?";
        const { data, has_more, last_id } = await ask<List<T>>(
          withQuery("", { limit: PAGE_SIZE, after }).replace("?", `${path}${separator}`),
          { signal },
        );
        all.push(...data);
        if (!has_more || last_id == null) break;
        after = last_id;
      }
      return all;
    },
  });
}

/** Has everything below a path asked again: something there has been changed. */
export function useRefresh(): (...paths: readonly string[]) => void {
  const client = useQueryClient();
  return (...paths) => {
    void client.invalidateQueries({
      predicate: ({ queryKey }) => paths.some((path) => String(queryKey[0]).startsWith(path)),
    });
  };
}
