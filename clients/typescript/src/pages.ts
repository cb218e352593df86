// Lists of any length.

import type { Message } from "@bufbuild/protobuf";
import { isMessage } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";

/** What a page is a list of. */
export type Item<Page> = {
  [Field in keyof Page]-?: Page[Field] extends (infer Each)[] ? (Each extends Message ? Each : never) : never;
}[keyof Page];

/** Every item of a list, page after page, as they are asked for. `request.pageSize` is the size of a page. */
export async function* pages<Request extends object, Page extends Message & { nextPageToken: string }>(
  method: (request: Request, options?: CallOptions) => Promise<Page>,
  request: Request,
  options?: CallOptions,
): AsyncGenerator<Item<Page>, void, undefined> {
  let asked = request;
  for (;;) {
    const page = await method(asked, options);
    const items = Object.values(page).find((field) => Array.isArray(field) && isMessage(field[0]));
    yield* (items ?? []) as Item<Page>[];
    if (!page.nextPageToken) return;
    asked = { ...request, pageToken: page.nextPageToken };
  }
}
