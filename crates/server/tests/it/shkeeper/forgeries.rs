//! Callbacks that are not the gateway's.

use fake_shkeeper::{Callback, sign};
use souk::clock::{Clock as _, Randomness};

use super::{Deal, count, gateway_test, request};
use crate::support::at_once;

/// A callback that differs from a good one in what makes it good.
fn forged(good: &Callback, random: &Randomness, now: i64) -> Callback {
    let mut forged = good.clone();
    let below = |bound: usize| random.below(u32::try_from(bound).expect("small")) as usize;
    let set = |forged: &mut Callback, name: &str, value: String| {
        forged.headers.retain(|(known, _)| known != name);
        forged.headers.push((name.to_owned(), value));
    };
    let signature = "x-shkeeper-signature";
    match below(9) {
        // Another body under the good signature.
        0 => {
            let at = below(forged.body.len());
            let byte = forged.body.as_bytes()[at];
            let other = if byte == b'1' { "2" } else { "1" };
            forged.body.replace_range(at..=at, other);
        }
        1 => forged.body.push(' '),
        // A guess.
        2 => set(&mut forged, signature, souk::text::hex(&random.bytes::<32>())),
        // Another key.
        3 => {
            let key = souk::text::hex(&random.bytes::<8>());
            let body = forged.body.clone();
            set(&mut forged, signature, sign(&key, now, body.as_bytes()));
        }
        // The signature of another time.
        4 => set(&mut forged, "x-shkeeper-timestamp", (now + 1 + below(200) as i64).to_string()),
        // One digit of the signature.
        5 => {
            let at = below(64);
            for (name, value) in &mut forged.headers {
                if name == signature {
                    let other = if value.as_bytes()[at] == b'0' { "1" } else { "0" };
                    value.replace_range(at..=at, other);
                }
            }
        }
        // The key alone, which a reader of logs may have.
        6 => forged.headers.retain(|(name, _)| name == "x-shkeeper-api-key"),
        7 => forged.headers.retain(|(name, _)| name != signature),
        _ => forged.headers.retain(|(name, _)| name != "x-shkeeper-timestamp"),
    }
    forged
}

gateway_test!(of_ten_thousand_forgeries_none_is_accepted, async |app, gateway| {
    let deal = Deal::new(app).await;
    let invoice = deal.begin().await;
    gateway.pay("ETH-USDT", &invoice.address, &invoice.amount, "0xa1", 1).await;
    let good = gateway.take_callbacks().remove(0);
    let head = app.position().await;
    let random = Randomness::from_seed(10_000);
    let now = app.clock.now().as_millis() / 1000;
    for _ in 0..50 {
        let batch: Vec<_> = (0..200).map(|_| forged(&good, &random, now)).collect();
        let answers = at_once(batch.iter().map(|callback| request(app, callback))).await;
        for (answer, callback) in answers.iter().zip(&batch) {
            assert_eq!(answer.status, 401, "{callback:?}");
        }
    }
    assert_eq!(count(app, "shkeeper_callbacks").await, 0);
    assert_eq!(count(app, "payment_transfers").await, 0);
    assert_eq!(app.event_names_after(head).await, [""; 0]);
    // The good one is.
    request(app, &good).send().await.expect(202);
    assert_eq!(deal.state(&invoice).await, "confirmed funded -");
});
