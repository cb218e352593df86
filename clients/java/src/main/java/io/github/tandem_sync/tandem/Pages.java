package io.github.tandem_sync.tandem;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Every item of a list, page after page, as they are asked for. The request's {@code page_size} is the size of a page.
 *
 * <pre>{@code
 * for (TableMap map : Pages.of(client.tableMaps()::listTableMaps, request, ListTableMapsResponse::getTableMapsList)) …
 * }</pre>
 *
 * Going through it throws {@link TandemException}. It can be gone through again, and then asks again.
 */
public final class Pages<T> implements Iterable<T> {
    private final Function<String, Message> page;
    private final Function<Message, List<T>> items;

    private Pages(Function<String, Message> page, Function<Message, List<T>> items) {
        this.page = page;
        this.items = items;
    }

    /** The items of the pages that a stub's method answers, and that {@code items} takes out of each. */
    public static <Q extends Message, P extends Message, T> Pages<T> of(
            Function<Q, P> method, Q request, Function<? super P, List<T>> items) {
        return new Pages<>(page(method, request), answer -> items.apply(cast(answer)));
    }

    /** The same of any list, for those who do not know of what: the items as mere messages. */
    public static <Q extends Message, P extends Message> Pages<Message> of(Function<Q, P> method, Q request) {
        return new Pages<>(page(method, request), Pages::items);
    }

    private static <Q extends Message> Function<String, Message> page(Function<Q, ? extends Message> method, Q request) {
        return token -> {
            Message asked = request;
            if (token != null) {
                FieldDescriptor field = field(request, "page_token");
                asked = request.toBuilder().setField(field, token).build();
            }
            return method.apply(cast(asked));
        };
    }

    @SuppressWarnings("unchecked") // a message of the same type as the one that was given
    private static <M extends Message> M cast(Message message) {
        return (M) message;
    }

    @SuppressWarnings("unchecked") // as its descriptor says
    private static List<Message> items(Message answer) {
        FieldDescriptor items = answer.getDescriptorForType().getFields().stream()
                .filter(each -> each.isRepeated() && each.getJavaType() == FieldDescriptor.JavaType.MESSAGE)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no list: " + answer.getDescriptorForType().getName()));
        return (List<Message>) answer.getField(items);
    }

    private static FieldDescriptor field(Message message, String name) {
        FieldDescriptor field = message.getDescriptorForType().findFieldByName(name);
        if (field == null) {
            throw new IllegalArgumentException(message.getDescriptorForType().getName() + " has no " + name);
        }
        return field;
    }

    /** The items as a stream. */
    public Stream<T> stream() {
        return StreamSupport.stream(spliterator(), false);
    }

    @Override
    public Iterator<T> iterator() {
        return new Iterator<>() {
            private Iterator<T> there = List.<T>of().iterator();
            // Of the next page. Null: the first, which the request says itself; empty: there is none.
            private String token;

            @Override
            public boolean hasNext() {
                // A page may be empty and not the last: a filter may have looked through enough.
                while (!there.hasNext() && (token == null || !token.isEmpty())) {
                    try {
                        Message answer = page.apply(token);
                        there = items.apply(answer).iterator();
                        token = (String) answer.getField(field(answer, "next_page_token"));
                    } catch (StatusRuntimeException error) {
                        throw TandemException.of(error);
                    }
                }
                return there.hasNext();
            }

            @Override
            public T next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return there.next();
            }
        };
    }
}
