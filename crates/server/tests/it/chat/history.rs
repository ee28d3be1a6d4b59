//! Pages of messages in both directions, search, and how the database finds them.

use db::{Engine, Sql, all_sql, args, sql};
use serde_json::{Value, json};

use crate::support::chat::in_chat;
use crate::support::market::id;
use crate::support::{Actor, TestApp, app_test};

/// Writes `count` messages at once, a second apart, into an empty chat.
async fn fill(app: &TestApp, chat: &Value, sender: &Actor, count: i64) {
    let mut tx = app.app.db.begin().await.unwrap();
    let now = app.app.clock.now().as_millis();
    tx.execute(
        sql!(
            "INSERT INTO chat_messages (id, chat_id, seq, sender_id, sender_seq, content,
                                        search_text, created_at)
             WITH RECURSIVE n (i) AS (
                 SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
             SELECT $2 || '-' || CAST(i AS TEXT), $2, i, $3, i, 'Message ' || CAST(i AS TEXT),
                    'message ' || CAST(i AS TEXT), $4 + i * 1000
             FROM n"
        ),
        args![count, id(chat), &sender.id, now],
    )
    .await
    .unwrap();
    tx.execute(
        sql!("UPDATE chats SET last_seq = $1, updated_at = $2 WHERE id = $3"),
        args![count, now + count * 1000, id(chat)],
    )
    .await
    .unwrap();
    tx.execute(
        sql!("UPDATE chat_participants SET sent = $1 WHERE chat_id = $2 AND user_id = $3"),
        args![count, id(chat), &sender.id],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// Numbers of messages, from their contents, and the cursors.
async fn page(actor: &Actor, chat: &Value, query: &str) -> (Vec<i64>, Value) {
    let page = actor.get(&in_chat(chat, &format!("/messages?{query}"))).send().await.expect(200);
    let number = |message: &Value| -> i64 {
        message["content"].as_str().unwrap().trim_start_matches("Message ").parse().unwrap()
    };
    (page["data"].as_array().unwrap().iter().map(number).collect(), page["pagination"].clone())
}

fn range(from: i64, to: i64) -> Vec<i64> {
    (from..=to).collect()
}

app_test!(pages_go_both_ways_by_id_and_by_time, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    let (numbers, cursors) = page(&seller, &chat, "").await;
    assert_eq!((numbers, cursors), (vec![], json!({ "limit": 50, "hasMore": false })));
    fill(app, &chat, &buyer, 120).await;
    let at = |number: i64| format!("{}-{number}", id(&chat));
    let all = seller.get(&in_chat(&chat, "/messages?limit=100")).send().await.data(200);
    let time = |number: i64| -> String {
        // The hundred newest are 21 to 120.
        all[usize::try_from(number - 21).unwrap()]["createdAt"].as_str().unwrap().to_owned()
    };
    let (numbers, cursors) = page(&seller, &chat, "").await;
    assert_eq!(numbers, range(71, 120));
    let expected = json!({ "limit": 50, "hasMore": true, "before": at(71), "after": at(120) });
    assert_eq!(cursors, expected);
    for (query, expected, more) in [
        (format!("before={}&limit=10", at(71)), range(61, 70), true),
        (format!("before={}&limit=10", at(11)), range(1, 10), false),
        (format!("before={}&limit=10", at(5)), range(1, 4), false),
        (format!("before={}", at(1)), vec![], false),
        (format!("after={}&limit=10", at(71)), range(72, 81), true),
        (format!("after={}&limit=10", at(110)), range(111, 120), false),
        (format!("after={}", at(120)), vec![], false),
        (format!("before={}&limit=10", time(71)), range(61, 70), true),
        (format!("after={}&limit=10", time(71)), range(72, 81), true),
        (format!("after={}&before={}", at(20), at(30)), range(21, 29), false),
        (format!("after={}&before={}&limit=3", time(40), at(50)), range(47, 49), true),
        (format!("after={}&before={}", at(30), at(30)), vec![], false),
        (format!("after={}&before={}", at(30), at(20)), vec![], false),
        ("before=2000-01-01T00:00:00Z".into(), vec![], false),
        ("after=2000-01-01T00:00:00Z&limit=2".into(), range(1, 2), true),
        ("before=2999-01-01T00:00:00Z&limit=2".into(), range(119, 120), true),
        ("after=2999-01-01T00:00:00Z".into(), vec![], false),
    ] {
        let (numbers, cursors) = page(&seller, &chat, &query).await;
        assert_eq!(numbers, expected, "{query}");
        assert_eq!(cursors["hasMore"], more, "{query}");
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("before=a+b", "before"),
        ("after=2026-11-23+10:00", "after"),
        ("before=no-such-message", "before"),
        ("from=1", "from"),
    ] {
        let answer = seller.get(&in_chat(&chat, &format!("/messages?{query}"))).send().await;
        let details = answer.error(422, "validation_failed")["details"].clone();
        assert_eq!(details.as_object().unwrap().len(), 1, "{query} {field}: {details}");
    }
});

app_test!(walking_finds_each_message_once, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    fill(app, &chat, &buyer, 60).await;
    let walk = async |first: &str, cursor: &str| {
        let (mut seen, mut query) = (Vec::new(), first.to_owned());
        loop {
            let (numbers, cursors) = page(&seller, &chat, &query).await;
            seen.extend(numbers);
            if cursors["hasMore"] == false {
                return seen;
            }
            query = format!("limit=7&{cursor}={}", cursors[cursor].as_str().unwrap());
        }
    };
    let mut backwards = walk("limit=7", "before").await;
    backwards.sort_unstable();
    assert_eq!(backwards, range(1, 60));
    assert_eq!(walk("limit=7&after=2000-01-01T00:00:00Z", "after").await, range(1, 60));
});

app_test!(a_time_is_never_before_that_of_the_message_before, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    // As if it had been written by a node whose clock is ahead.
    fill(app, &chat, &buyer, 3).await;
    let ahead = seller.see_chat(&chat).await["lastMessage"]["createdAt"].clone();
    assert_eq!(seller.say(&chat, "Message 4").await["createdAt"], ahead);
    let (numbers, _) = page(&buyer, &chat, &format!("before={}", ahead.as_str().unwrap())).await;
    assert_eq!(numbers, [1, 2]);
});

app_test!(a_search_goes_through_all_of_a_long_chat_in_steps, async |app| {
    let (buyer, seller) = (app.buyer().await, app.seller().await);
    let chat = buyer.chat_with(&seller).await;
    fill(app, &chat, &buyer, 25_000).await;
    // 1234, 11234 and 21234 hold it; each answer looks at 10,000 messages.
    let search = "q=MESSAGE+1234";
    let (mut found, mut query, mut answers) = (Vec::new(), search.to_owned(), 0);
    loop {
        answers += 1;
        let (numbers, cursors) = page(&seller, &chat, &query).await;
        found.extend(numbers);
        if cursors["hasMore"] == false {
            break;
        }
        query = format!("{search}&before={}", cursors["before"].as_str().unwrap());
    }
    assert_eq!((found, answers), (range(12_340, 12_349).into_iter().chain([1_234]).collect(), 3));
    // Page by page, where there are more than a page holds; both ways.
    let (numbers, cursors) = page(&seller, &chat, "q=message&limit=5").await;
    assert_eq!((numbers, &cursors["hasMore"]), (range(24_996, 25_000), &json!(true)));
    let before = cursors["before"].as_str().unwrap().to_owned();
    let (numbers, _) = page(&seller, &chat, &format!("q=message&limit=5&before={before}")).await;
    assert_eq!(numbers, range(24_991, 24_995));
    let after = format!("q=e+2&limit=2&after={}-1", id(&chat));
    let (numbers, cursors) = page(&seller, &chat, &after).await;
    assert_eq!((numbers, &cursors["hasMore"]), (vec![2, 20], &json!(true)));
    // Nothing in it is a pattern.
    for query in ["q=m%25e", "q=m_ssage", "q=%5C"] {
        assert_eq!(page(&seller, &chat, query).await.0, Vec::<i64>::new(), "{query}");
    }
    let long = format!("/messages?q={}", "x".repeat(201));
    seller.get(&in_chat(&chat, &long)).send().await.invalid(&["q"]);
});

app_test!(messages_are_found_by_an_index, async |app| {
    if app.app.db.engine() != Engine::Sqlite {
        return;
    }
    let texts = all_sql().iter().filter(|sql| {
        sql.file.ends_with("src/chat/store/messages.rs") && sql.text.starts_with("SELECT")
    });
    let mut count = 0;
    for sql in texts {
        count += 1;
        let explain = Sql::concat(&["EXPLAIN QUERY PLAN ", sql.text]);
        let plan = app.app.db.fetch_all(explain, args![]).await.unwrap();
        for step in plan {
            let step: String = step.get("detail").unwrap();
            let by_index = step.starts_with("SEARCH") && step.contains("USING");
            assert!(by_index, "{}: {step}", sql.text);
        }
    }
    assert!(count >= 8, "{count} texts");
});
