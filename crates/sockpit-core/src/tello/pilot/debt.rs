//! Answers that may still come to commands that nobody waits for any longer.

use super::super::reply::{Refusal, Shape};
use crate::time::Time;

/// Answers that may still come.
#[derive(Debug, Default)]
pub(super) struct Debts(Vec<Debt>);

#[derive(Debug)]
struct Debt {
    shape: Shape,
    until: Time,
    /// Whose.
    text: String,
    /// Whether the command was sent once, so that one answer comes, and its copies.
    is_single: bool,
}

/// More than there are shapes would say nothing new.
const MOST: usize = 32;

impl Debts {
    pub(super) fn add(&mut self, shape: Shape, until: Time, text: &str, is_single: bool) {
        if MOST <= self.0.len()
            && let Some(debt) = self.0.iter_mut().find(|debt| debt.shape == shape)
        {
            debt.until = debt.until.max(until);
            debt.is_single = false;
            return;
        }
        self.0.push(Debt {
            shape,
            until,
            text: text.to_owned(),
            is_single,
        });
    }

    /// Notes that setting the sticks may be answered. One debt does for all settings.
    pub(super) fn add_sticks(&mut self, until: Time) {
        self.0.retain(|debt| debt.text != STICKS);
        self.add(Shape::Ok, until, STICKS, false);
    }

    pub(super) fn expire(&mut self, now: Time) {
        self.0.retain(|debt| now < debt.until);
    }

    /// Takes a text that answers nothing: where one debt alone can be meant, only copies of it can
    /// come from here on, `until` a time. Gives the command.
    pub(super) fn settle(&mut self, text: &str, until: Time) -> Option<String> {
        let is_refusal = Refusal::of(text).is_some();
        let fits = |debt: &&mut Debt| is_refusal || debt.shape.fits(text);
        let mut fitting = self.0.iter_mut().filter(fits);
        let debt = fitting.next()?;
        if fitting.next().is_some() {
            return Some(debt.text.clone());
        }
        // A refusal may answer a copy that the link made, before the drone has done the first.
        if debt.is_single && !is_refusal {
            debt.until = debt.until.min(until);
        }
        Some(debt.text.clone())
    }

    pub(super) fn overlaps(&self, shape: Shape) -> bool {
        self.0.iter().any(|debt| debt.shape.overlaps(shape))
    }

    /// Whether anything but the answer to the sticks is owed in a shape.
    pub(super) fn owes(&self, shape: Shape) -> bool {
        let is_owed = |debt: &Debt| debt.text != STICKS && debt.shape.overlaps(shape);
        self.0.iter().any(is_owed)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the last of them is over.
    pub(super) fn last(&self) -> Time {
        self.0
            .iter()
            .map(|debt| debt.until)
            .max()
            .unwrap_or_default()
    }

    /// When the first of some shapes is free of debts.
    pub(super) fn free(&self, shapes: &[Shape]) -> Time {
        let free = |shape: &Shape| {
            let owed = self.0.iter().filter(|debt| debt.shape.overlaps(*shape));
            owed.map(|debt| debt.until).max().unwrap_or_default()
        };
        shapes.iter().map(free).min().unwrap_or_default()
    }
}

/// The text of the debt of the sticks.
const STICKS: &str = "rc";
