//! A list that is never empty, and lies in place as long as it has one item.

use std::ops::Deref;

/// One item, or more; read it as a slice. Nearly every OCSP request asks about one certificate, and one needs no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMore<T>(Items<T>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Items<T> {
    One([T; 1]),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    /// A list of one.
    pub const fn new(first: T) -> Self {
        Self(Items::One([first]))
    }

    /// The item that is always there.
    pub fn first(&self) -> &T {
        match &self.0 {
            Items::One([first]) => first,
            Items::More(items) => &items[0],
        }
    }

    /// Adds one at the end.
    #[must_use]
    pub fn and(self, item: T) -> Self {
        Self(Items::More(match self.0 {
            Items::One([first]) => vec![first, item],
            Items::More(mut items) => {
                items.push(item);
                items
            }
        }))
    }

    /// What becomes of each, in order.
    pub fn map<U>(&self, mut change: impl FnMut(&T) -> U) -> OneOrMore<U> {
        OneOrMore(match &self.0 {
            Items::One([first]) => Items::One([change(first)]),
            Items::More(items) => Items::More(items.iter().map(change).collect()),
        })
    }
}

impl<T> Deref for OneOrMore<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Items::One(one) => one,
            Items::More(items) => items,
        }
    }
}

impl<'a, T> IntoIterator for &'a OneOrMore<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_in_order_and_the_first_stays_first() {
        let one = OneOrMore::new(1);
        assert_eq!((one.first(), &*one), (&1, &[1][..]));
        let three = one.and(2).and(3);
        assert_eq!((three.first(), &*three), (&1, &[1, 2, 3][..]));
        assert_eq!(&*three.map(|item| item * 10), &[10, 20, 30]);
    }
}
