"use strict";
(function () {
  var form = document.getElementById("filters"), rows = document.querySelectorAll("#all tbody tr");
  var words = document.getElementById("words"), verdict = document.getElementById("verdict");
  var apart = document.getElementById("apart-only"), said = document.getElementById("said");
  form.hidden = false;
  function filter() {
    var wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = (!verdict.value || row.dataset.verdict === verdict.value) &&
        (!apart.checked || row.dataset.apart === "yes") &&
        wanted.every(function (word) { return text.indexOf(word) >= 0; });
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    said.textContent = shown + " of " + rows.length + " series";
  }
  function unhide() {
    var row = document.getElementById(location.hash.slice(1));
    if (row && row.hidden) { form.reset(); filter(); row.scrollIntoView(); }
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  window.addEventListener("hashchange", unhide);
  filter();
})();
