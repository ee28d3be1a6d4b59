//! Payments from wallets on an EVM chain (`EVM_…`).

use std::fmt;
use std::str::FromStr;

use events::Currency;

use super::Secret;
use super::env::Env;
use crate::evm::types::Address;
use crate::evm::verify::Depth;

/// Payments from wallets on an EVM chain.
#[derive(Debug, Clone)]
pub struct EvmConfig {
    /// Nodes that are asked; all have to agree. A URL may carry a key.
    pub rpc_urls: Vec<Secret>,
    /// The chain's id (EIP-155).
    pub chain_id: u64,
    /// What may be paid with.
    pub tokens: Vec<Token>,
    /// When a transaction counts.
    pub depth: Depth,
    /// The address that buyers pay to, and that sellers are paid from.
    pub payee: Address,
}

impl EvmConfig {
    /// The token of this name for a deal in this currency.
    pub fn token(&self, symbol: &str, currency: Currency) -> Option<&Token> {
        self.tokens.iter().find(|token| token.symbol == symbol && token.currency == currency)
    }

    /// The contracts of all tokens.
    pub fn contracts(&self) -> Vec<Address> {
        self.tokens.iter().filter_map(|token| token.contract).collect()
    }
}

/// A token, or the chain's own coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name in requests.
    pub symbol: String,
    /// Its contract; `None` for the chain's own coin.
    pub contract: Option<Address>,
    /// Its decimal places on the chain.
    pub decimals: u32,
    /// The currency of the deals that it pays, one unit for one.
    pub currency: Currency,
}

/// More decimal places than this beyond the currency's would leave no room for amounts.
const PLACES_MAX: u32 = 18;

impl Token {
    /// How many of its smallest units make one minor unit of the currency.
    pub fn scale(&self) -> u128 {
        10_u128.pow(self.decimals.saturating_sub(self.currency.digits()).min(PLACES_MAX))
    }
}

/// `SYMBOL:address:decimals[:CURRENCY]`; the address is `native` for the chain's own coin, the
/// currency the one of the same name where it is left out.
impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let (symbol, contract, decimals, currency) = match parts.as_slice() {
            [symbol, contract, decimals] => (*symbol, *contract, *decimals, *symbol),
            [symbol, contract, decimals, currency] => (*symbol, *contract, *decimals, *currency),
            _ => {
                return Err(
                    "not SYMBOL:address:decimals or SYMBOL:address:decimals:CURRENCY".into()
                );
            }
        };
        let named = symbol.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !named || !(1..=12).contains(&symbol.len()) {
            return Err("a symbol is 1 to 12 capital letters and digits".into());
        }
        let contract = match contract {
            "native" => None,
            address => Some(address.parse().map_err(|e| format!("`{address}` {e}"))?),
        };
        let decimals: u32 =
            decimals.parse().map_err(|_| format!("`{decimals}` is no number of decimals"))?;
        let currency: Currency = currency.parse().map_err(|_| {
            format!("`{currency}` is no currency of deals; name one as SYMBOL:address:decimals:USD")
        })?;
        let least = currency.digits();
        if !(least..=least + PLACES_MAX).contains(&decimals) {
            return Err(format!(
                "{currency} has {least} decimal places, so a token for it has {least} to {}",
                least + PLACES_MAX
            ));
        }
        Ok(Self { symbol: symbol.to_owned(), contract, decimals, currency })
    }
}

/// `EVM_CONFIRMATIONS`.
struct Confirmations(Depth);

impl FromStr for Confirmations {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "finalized" => Ok(Self(Depth::Finalized)),
            Ok(blocks @ 1..=10_000) => Ok(Self(Depth::Blocks(blocks))),
            _ => Err("must be 1 to 10000, or finalized"),
        }
    }
}

/// A variable that may be absent.
struct Maybe<T>(Option<T>);

impl<T: FromStr<Err: fmt::Display>> FromStr for Maybe<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|value| Self(Some(value))).map_err(|error: T::Err| error.to_string())
    }
}

/// Reads the section; `None` without `EVM_RPC_URL`.
pub(super) fn read(env: &mut Env<'_>) -> Option<EvmConfig> {
    env.section("Payments from wallets (EVM)");
    let urls = env.secret(
        "EVM_RPC_URL",
        "JSON-RPC endpoint of a node of the chain, or several separated by commas, which then have \
         to agree; without it there are no payments from wallets.",
    );
    let Maybe(chain_id) = env.get::<Maybe<u64>>("EVM_CHAIN_ID", "", "The chain's id (EIP-155).");
    let tokens: Vec<Token> = env.list(
        "EVM_TOKENS",
        "",
        "What may be paid with, separated by commas: SYMBOL:address:decimals for deals in the \
         currency of that name, SYMBOL:address:decimals:USD for deals in another one; native as \
         the address of the chain's own coin.",
    );
    let Confirmations(depth) = env.get(
        "EVM_CONFIRMATIONS",
        "12",
        "Blocks, its own among them, after which a transaction counts; or finalized.",
    );
    let Maybe(payee) = env.get::<Maybe<Address>>(
        "EVM_PAYEE",
        "",
        "The address that buyers pay to, and that sellers are paid from.",
    );
    let urls = urls?;
    let rpc_urls: Vec<Secret> = urls
        .expose()
        .split(',')
        .map(str::trim)
        .filter(|url| !url.is_empty())
        .map(Secret::new)
        .collect();
    for url in &rpc_urls {
        let uri: Option<http::Uri> = url.expose().parse().ok();
        let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
        if !matches!(scheme, Some("http" | "https")) {
            env.problem("EVM_RPC_URL", "must be http:// or https:// addresses");
        }
    }
    if chain_id.is_none() {
        env.problem("EVM_CHAIN_ID", "is required with EVM_RPC_URL");
    }
    if tokens.is_empty() {
        env.problem("EVM_TOKENS", "is required with EVM_RPC_URL");
    }
    for (index, token) in tokens.iter().enumerate() {
        let same = |other: &Token| other.symbol == token.symbol && other.currency == token.currency;
        if tokens.iter().take(index).any(same) {
            let (symbol, currency) = (&token.symbol, token.currency);
            env.problem("EVM_TOKENS", &format!("names {symbol} for {currency} twice"));
        }
    }
    match payee {
        None => env.problem("EVM_PAYEE", "is required with EVM_RPC_URL"),
        Some(payee) if payee.is_zero() => env.problem("EVM_PAYEE", "must not be the zero address"),
        Some(_) => {}
    }
    Some(EvmConfig { rpc_urls, chain_id: chain_id?, tokens, depth, payee: payee? })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Config;

    const TOKEN: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    const PAYEE: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

    fn complete() -> BTreeMap<String, String> {
        let tokens = format!("USDT:{TOKEN}:6, USDC:{TOKEN}:18:USD, ETH:native:18");
        [
            ("EVM_RPC_URL", "http://127.0.0.1:8545,https://rpc.example/key"),
            ("EVM_CHAIN_ID", "31337"),
            ("EVM_TOKENS", &tokens),
            ("EVM_PAYEE", PAYEE),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn problems(changes: &[(&str, &str)]) -> Vec<String> {
        let mut vars = complete();
        vars.extend(changes.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let problems = Config::from_vars(&vars).expect_err("problems");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_complete_section_is_read() {
        let config = Config::from_vars(&complete()).unwrap().evm.unwrap();
        assert_eq!((config.rpc_urls.len(), config.chain_id), (2, 31337));
        assert_eq!(config.depth, Depth::Blocks(12));
        assert_eq!(config.payee.to_string(), PAYEE);
        let scale = |symbol, currency| config.token(symbol, currency).map(Token::scale);
        assert_eq!(scale("USDT", Currency::Usdt), Some(1));
        assert_eq!(scale("USDC", Currency::Usd), Some(10_u128.pow(16)));
        assert_eq!(scale("ETH", Currency::Eth), Some(10_u128.pow(10)));
        assert_eq!(scale("USDT", Currency::Usd), None);
        assert_eq!(config.contracts().len(), 2);
        assert!(!format!("{config:?}").contains("rpc.example"));
        assert!(Config::from_vars(&BTreeMap::new()).unwrap().evm.is_none());
    }

    #[test]
    fn the_whole_section_is_needed() {
        for name in ["EVM_CHAIN_ID", "EVM_TOKENS", "EVM_PAYEE"] {
            assert_eq!(problems(&[(name, "")]), [format!("{name}: is required with EVM_RPC_URL")]);
        }
    }

    #[test]
    fn wrong_values_are_named() {
        for (name, value) in [
            ("EVM_RPC_URL", "ws://127.0.0.1:8545"),
            ("EVM_RPC_URL", "127.0.0.1:8545"),
            ("EVM_CHAIN_ID", "0x1"),
            ("EVM_CONFIRMATIONS", "0"),
            ("EVM_CONFIRMATIONS", "10001"),
            ("EVM_CONFIRMATIONS", "latest"),
            ("EVM_PAYEE", "0x7099"),
            ("EVM_PAYEE", "0x0000000000000000000000000000000000000000"),
            ("EVM_TOKENS", "USDT"),
            ("EVM_TOKENS", "USDT:native"),
            ("EVM_TOKENS", "USDT:0x12:6"),
            ("EVM_TOKENS", "usdt:native:6"),
            ("EVM_TOKENS", "USDT:native:5"),
            ("EVM_TOKENS", "USDT:native:25"),
            ("EVM_TOKENS", "USDT:native:x"),
            ("EVM_TOKENS", "SHIB:native:18"),
            ("EVM_TOKENS", "USDT:native:6,USDT:native:18"),
        ] {
            let problems = problems(&[(name, value)]);
            // A value that cannot be read is as good as absent to what depends on it.
            assert!(problems[0].starts_with(&format!("{name}: ")), "{value}: {problems:?}");
        }
        let finalized =
            complete().into_iter().chain([("EVM_CONFIRMATIONS".into(), "finalized".into())]);
        let config = Config::from_vars(&finalized.collect()).unwrap().evm.unwrap();
        assert_eq!(config.depth, Depth::Finalized);
    }
}
