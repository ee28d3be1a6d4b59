//! The rules of templates and checkouts: pure functions.

use events::documents::DeliveryTime;
use events::{
    CategoryId, Currency, DeliveryUnit, Money, ProductType, TemplateId, Timestamp, UserId,
};

use super::body::CheckoutStatus;
use super::error::TemplateError;

/// How long a delivery takes where the seller does not say.
pub const DELIVERY_TIME: DeliveryTime = DeliveryTime { amount: 7, unit: DeliveryUnit::Days };

/// What can happen to a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum Input {
    /// Its payment is in escrow.
    Paid,
    /// Its payment failed, its time is over, or it was called off.
    Failed,
    /// The chain took the confirmed payment back.
    Reversed,
}

/// The status after `input`, or `None` where the status does not allow it (contract §3.3).
pub fn next(status: CheckoutStatus, input: Input) -> Option<CheckoutStatus> {
    match (status, input) {
        (CheckoutStatus::Pending, Input::Paid) => Some(CheckoutStatus::Paid),
        (CheckoutStatus::Pending, Input::Failed) | (CheckoutStatus::Paid, Input::Reversed) => {
            Some(CheckoutStatus::Failed)
        }
        _ => None,
    }
}

/// Why a checkout failed, where nobody said it in words.
pub const PAYMENT_TIMEOUT: &str = "payment_timeout";

/// A stored template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The template.
    pub id: TemplateId,
    /// Who sells.
    pub seller_id: UserId,
    /// What is sold, in a line.
    pub title: String,
    /// What is sold, in full.
    pub description: String,
    /// Its place in the category tree.
    pub category_id: Option<CategoryId>,
    /// What kind of thing it is.
    pub product_type: ProductType,
    /// The price of one, in minor units of `currency`.
    pub price: i64,
    /// The price's currency.
    pub currency: Currency,
    /// How long the delivery takes.
    pub delivery_time: DeliveryTime,
    /// How many uses there are.
    pub max_usage: Option<i64>,
    /// How many are taken.
    pub used: i64,
    /// It is sold until then.
    pub expires_at: Option<Timestamp>,
    /// The secret part of its link.
    pub share_link: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Template {
    /// Uses that are left; `None` where there is no bound.
    pub fn remaining(&self) -> Option<i64> {
        self.max_usage.map(|max| (max - self.used).max(0))
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether one can be bought.
    pub fn is_available(&self, now: Timestamp) -> bool {
        !self.is_over(now) && self.remaining() != Some(0)
    }
}

/// What one seller's request of a checkout is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Who sells.
    pub seller_id: UserId,
    /// What is bought, in a line.
    pub title: String,
    /// What is bought, template by template.
    pub description: String,
    /// The category, where all are in one.
    pub category_id: Option<CategoryId>,
    /// `physical` where any of it is; else that of the first.
    pub product_type: ProductType,
    /// How many things.
    pub quantity: u32,
    /// The price of all, in minor units.
    pub amount: i64,
    /// The longest one.
    pub delivery_time: DeliveryTime,
    /// The places of its templates among those that were taken.
    pub places: Vec<usize>,
}

/// Divides what was taken into one part for each seller, by the id of the seller.
///
/// # Errors
/// Where the currencies differ, or the sum is too large.
pub fn parts(taken: &[(Template, u32)]) -> Result<Vec<Part>, TemplateError> {
    let currency = taken.first().map(|(template, _)| template.currency);
    if taken.iter().any(|(template, _)| Some(template.currency) != currency) {
        return Err(TemplateError::Currencies);
    }
    let mut sellers: Vec<&UserId> = taken.iter().map(|(template, _)| &template.seller_id).collect();
    sellers.sort();
    sellers.dedup();
    sellers.into_iter().map(|seller| part(taken, seller)).collect()
}

fn part(taken: &[(Template, u32)], seller: &UserId) -> Result<Part, TemplateError> {
    let places: Vec<usize> =
        (0..taken.len()).filter(|place| taken[*place].0.seller_id == *seller).collect();
    let own: Vec<&(Template, u32)> = places.iter().map(|place| &taken[*place]).collect();
    let Some((first, _)) = own.first() else { return Err(TemplateError::TooMuch) };
    let mut amount: i64 = 0;
    let mut quantity: u32 = 0;
    let mut lines = Vec::new();
    for (template, count) in &own {
        let cost = template.price.checked_mul(i64::from(*count));
        amount = cost.and_then(|cost| amount.checked_add(cost)).ok_or(TemplateError::TooMuch)?;
        quantity = quantity.checked_add(*count).ok_or(TemplateError::TooMuch)?;
        let price = Money::from_minor(template.price, template.currency);
        let line =
            format!("{count} × {}, {} {} each", template.title, price.amount, price.currency);
        lines.push(line);
    }
    let title = match own.len() {
        1 => first.title.clone(),
        count => format!("{} and {} more", first.title, count - 1),
    };
    let description = match own.as_slice() {
        [(only, _)] if !only.description.is_empty() => {
            format!("{}\n\n{}", lines.concat(), only.description)
        }
        _ => lines.join("\n"),
    };
    let one_category = own.iter().all(|(template, _)| template.category_id == first.category_id);
    let physical = own.iter().any(|(template, _)| template.product_type == ProductType::Physical);
    let longest =
        own.iter().map(|(template, _)| template.delivery_time).max_by_key(|time| hours(*time));
    Ok(Part {
        seller_id: seller.clone(),
        title,
        description,
        category_id: first.category_id.clone().filter(|_| one_category),
        product_type: if physical { ProductType::Physical } else { first.product_type },
        quantity,
        amount,
        delivery_time: longest.unwrap_or(DELIVERY_TIME),
        places,
    })
}

fn hours(time: DeliveryTime) -> u32 {
    let unit = match time.unit {
        DeliveryUnit::Hours => 1,
        DeliveryUnit::Days => 24,
        DeliveryUnit::Weeks => 24 * 7,
        DeliveryUnit::Months => 24 * 30,
    };
    time.amount.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn there_are_these_edges_and_no_others() {
        use CheckoutStatus as S;
        for &status in S::VARIANTS {
            for &input in Input::VARIANTS {
                let expected = match (status, input) {
                    (S::Pending, Input::Paid) => Some(S::Paid),
                    (S::Pending, Input::Failed) | (S::Paid, Input::Reversed) => Some(S::Failed),
                    _ => None,
                };
                assert_eq!(next(status, input), expected, "{status:?} {input:?}");
            }
        }
    }

    fn template(seller: &str, title: &str, price: i64) -> Template {
        let at = Timestamp::from_millis(0);
        Template {
            id: "t".parse().unwrap(),
            seller_id: seller.parse().unwrap(),
            title: title.to_owned(),
            description: String::new(),
            category_id: Some("c".parse().unwrap()),
            product_type: ProductType::Digital,
            price,
            currency: Currency::Usd,
            delivery_time: DELIVERY_TIME,
            max_usage: Some(3),
            used: 1,
            expires_at: Some(Timestamp::from_millis(10)),
            share_link: String::new(),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn stock_and_time() {
        let at = Timestamp::from_millis;
        let one = template("s", "A", 100);
        assert_eq!(one.remaining(), Some(2));
        assert!(one.is_available(at(9)) && !one.is_available(at(10)));
        let none = Template { used: 3, ..one.clone() };
        assert!(!none.is_available(at(0)));
        let endless = Template { max_usage: None, expires_at: None, ..one };
        assert_eq!(endless.remaining(), None);
        assert!(endless.is_available(at(i64::MAX)));
    }

    #[test]
    fn one_part_for_each_seller() {
        let mut slow = template("s2", "C", 5);
        slow.delivery_time = DeliveryTime { amount: 2, unit: DeliveryUnit::Weeks };
        slow.product_type = ProductType::Physical;
        slow.category_id = None;
        let taken = [(template("s2", "B", 250), 2), (template("s1", "A", 100), 1), (slow, 3)];
        let parts = parts(&taken).unwrap();
        assert_eq!(parts.len(), 2);
        let (first, second) = (&parts[0], &parts[1]);
        assert_eq!((first.seller_id.as_str(), first.amount, first.quantity), ("s1", 100, 1));
        assert_eq!((first.title.as_str(), &first.places), ("A", &vec![1]));
        assert_eq!(first.category_id.as_ref().map(CategoryId::as_str), Some("c"));
        assert_eq!(first.product_type, ProductType::Digital);
        assert_eq!((second.amount, second.quantity), (515, 5));
        assert_eq!((second.title.as_str(), &second.places), ("B and 1 more", &vec![0, 2]));
        assert_eq!(second.description, "2 × B, 2.50 USD each\n3 × C, 0.05 USD each");
        assert_eq!((&second.category_id, second.product_type), (&None, ProductType::Physical));
        assert_eq!(second.delivery_time.unit, DeliveryUnit::Weeks);
    }

    #[test]
    fn what_cannot_be_paid_at_once_is_refused() {
        let euros = Template { currency: Currency::Eur, ..template("s", "A", 1) };
        let mixed = [(template("s", "A", 1), 1), (euros, 1)];
        assert!(matches!(parts(&mixed), Err(TemplateError::Currencies)));
        for taken in [
            vec![(template("s", "A", i64::MAX), 2)],
            vec![(template("s", "A", i64::MAX), 1), (template("s", "B", 1), 1)],
        ] {
            assert!(matches!(parts(&taken), Err(TemplateError::TooMuch)));
        }
    }
}
